//! `vicinity map --quality`.

use std::sync::Arc;

use serde::Serialize;

use super::output::{print_json, print_line};
use super::session::Session;
use vicinity_core::{Layout, MapQuality, ModalityGap};
use vicinity_engine::{Event, Job};

#[derive(Serialize)]
struct QualityReport {
    items: usize,
    neighbours: usize,
    trustworthiness: Option<f32>,
    preservation: f32,
    modality_gap: Option<GapReport>,
}

#[derive(Serialize)]
struct GapReport {
    raw: f32,
    centred: f32,
}

/// Measures how well a layout keeps neighbours, and prints it.
pub fn print(session: &Session, layout: Arc<Layout>, json: bool) -> anyhow::Result<()> {
    let measured = |event| if let Event::MapQuality(quality) = event { Some(quality) } else { None };
    let quality: Arc<MapQuality> = session.ask(Job::MeasureMap(Arc::clone(&layout)), measured)?;
    if json {
        return print_json(&QualityReport {
            items: quality.preserved.len(),
            neighbours: quality.k,
            trustworthiness: layout.trustworthiness,
            preservation: quality.preservation,
            modality_gap: quality.gap.map(|ModalityGap { raw, centred }| GapReport { raw, centred }),
        });
    }
    if let Some(trust) = layout.trustworthiness {
        print_line(&format!("Trustworthiness: {trust:.3}"))?;
    }
    print_line(&format!("Neighbours kept: {:.1}%, of {} each", 100.0 * quality.preservation, quality.k))?;
    if let Some(gap) = quality.gap {
        print_line(&format!("Gap between pictures and texts: {:.3}, on the map {:.3}", gap.raw, gap.centred))?;
    }
    Ok(())
}
