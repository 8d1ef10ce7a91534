//! Follows one layout: puts the reports of its threads in order, and estimates the time left.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use vicinity_core::{MapProgress, MapStage};

/// Between two samples.
const INTERVAL: Duration = Duration::from_millis(250);
/// Shorter layouts are not reported.
const MIN_SECONDS: f32 = 2.0;
/// Seconds of a stage after which its pace is known.
const MIN_STAGE_SECONDS: f32 = 0.5;
/// Weight of the newest sample in an estimate; the rest is the previous estimate, less the time since.
const SMOOTHING: f32 = 0.4;

/// See the module's documentation.
pub struct EtaEstimator<F> {
    state: Mutex<EtaState>,
    report: F,
}

struct EtaState {
    start: Instant,
    stage: MapStage,
    share: f32,
    /// When the stage began, and at what share.
    began: (Instant, f32),
    /// The last sample, and the seconds that were left then.
    sample: Option<(Instant, Option<f32>)>,
}

impl<F: Fn(MapProgress)> EtaEstimator<F> {
    /// For a layout that starts now; reports a sample a few times per second.
    pub fn start(report: F) -> Self {
        Self { state: Mutex::new(EtaState::new(Instant::now())), report }
    }

    /// Records that this share of the whole is done; called from any thread.
    pub fn record(&self, stage: MapStage, share: f32) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(progress) = state.record(stage, share, Instant::now()) {
            (self.report)(progress); // under the lock, so that samples arrive in their order
        }
    }
}

impl EtaState {
    fn new(start: Instant) -> Self {
        Self { start, stage: MapStage::Neighbours, share: 0.0, began: (start, 0.0), sample: None }
    }

    fn record(&mut self, stage: MapStage, share: f32, now: Instant) -> Option<MapProgress> {
        self.share = self.share.max(share.min(1.0)); // threads overtake each other
        let new_stage = stage > self.stage;
        if new_stage {
            (self.stage, self.began) = (stage, (now, self.share));
        }
        let last = self.sample.map_or(self.start, |sample| sample.0);
        if now.saturating_duration_since(last) < INTERVAL && !new_stage && self.share < 1.0 {
            return None;
        }
        let seconds_left = self.estimate(now);
        self.sample = Some((now, seconds_left));
        let spent = now.saturating_duration_since(self.start).as_secs_f32();
        let all = spent + seconds_left.unwrap_or(0.0);
        (all >= MIN_SECONDS).then_some(MapProgress { stage: self.stage, share: self.share, seconds_left })
    }

    /// From the pace of the stage; while that is unknown, from the last estimate.
    fn estimate(&self, now: Instant) -> Option<f32> {
        if self.share >= 1.0 {
            return Some(0.0);
        }
        let seconds = |since: Instant| now.saturating_duration_since(since).as_secs_f32();
        let before = self.sample.and_then(|(at, left)| left.map(|left| (left - seconds(at)).max(0.0)));
        let (spent, gained) = (seconds(self.began.0), self.share - self.began.1);
        if spent < MIN_STAGE_SECONDS || gained <= 0.0 {
            return before;
        }
        let left = spent / gained * (1.0 - self.share);
        Some(before.map_or(left, |before| before + SMOOTHING * (left - before)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use vicinity_layout::{UmapParams, VectorTable, umap};

    /// What is reported when the share is recorded every 10 ms.
    fn reported(seconds: f32, share: impl Fn(f32) -> (MapStage, f32)) -> Vec<(f32, MapProgress)> {
        let start = Instant::now();
        let mut state = EtaState::new(start);
        (0..=(100.0 * seconds).round() as u16)
            .filter_map(|tick| {
                let at = f32::from(tick) / 100.0;
                let (stage, share) = share(at);
                state.record(stage, share, start + Duration::from_secs_f32(at)).map(|sample| (at, sample))
            })
            .collect()
    }

    #[test]
    fn the_time_left_is_right_for_each_stage_and_samples_are_few() {
        // a fifth of the share in 6 s, the rest in 4 s
        let state = |at: f32| match at {
            ..6.0 => (MapStage::Neighbours, 0.2 * at / 6.0),
            _ => (MapStage::Arranging, 0.2 + 0.8 * (at - 6.0) / 4.0),
        };
        let reported = reported(10.0, state);
        assert!(reported.len() <= 10 * 4 + 2, "{} samples", reported.len());
        for (at, sample) in reported.iter().filter(|(at, _)| *at > 8.0) {
            let left = sample.seconds_left.expect("long known");
            assert!((left - (10.0 - at)).abs() < 0.5, "{left} s are left at {at} s");
        }
        let last = reported.last().expect("some").1;
        assert!(last.share >= 1.0 && last.seconds_left.expect("known") < 0.3, "{last:?}");
    }

    #[test]
    fn the_share_never_falls_though_threads_overtake_each_other() {
        let state = |at: f32| {
            (MapStage::Neighbours, at / 5.0 - if ((at * 100.0) as u32).is_multiple_of(3) { 0.2 } else { 0.0 })
        };
        let reported = reported(5.0, state);
        assert!(reported.len() > 10 && reported.is_sorted_by(|a, b| a.1.share <= b.1.share), "{reported:?}");
    }

    #[test]
    fn the_samples_of_a_layout_on_many_threads_rise_to_one() {
        let vectors: Vec<f32> = (0..1500 * 8u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32 / 1e7).collect();
        let start = Instant::now();
        let (state, samples) = (Mutex::new((EtaState::new(start), start)), Mutex::new(Vec::new()));
        let record = |stage, share| {
            let mut state = state.lock().expect("no panic");
            state.1 += Duration::from_secs(1); // each is worth telling
            let now = state.1;
            samples.lock().expect("no panic").extend(state.0.record(stage, share, now));
        };
        let params = UmapParams { epochs: Some(50), ..UmapParams::default() };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().expect("threads");
        let table = VectorTable::new(&vectors, 8);
        pool.install(|| umap(&table, &params, None, &AtomicBool::new(false), &record)).expect("nobody cancelled");
        let samples = samples.into_inner().expect("no panic");
        assert!(samples.is_sorted_by(|a, b| (a.stage, a.share) <= (b.stage, b.share)), "{samples:?}");
        let first_and_last = [samples.first(), samples.last()].map(|sample| sample.expect("some").stage);
        assert_eq!(first_and_last, [MapStage::Neighbours, MapStage::Arranging]);
        assert_eq!(samples.last().map(|last| (last.share, last.seconds_left)), Some((1.0, Some(0.0))), "{samples:?}");
    }

    #[test]
    fn a_short_layout_is_not_talked_about() {
        assert_eq!(reported(1.5, |at| (MapStage::Arranging, at / 1.5)), []);
    }
}
