//! The order of the segments of a page. Programs draw a page in the order in which it is read, but for some, which draw it
//! by font, colour or chance. Only where the order keeps going back up it is replaced by one from the places: columns
//! before lines.

use super::segment::Segment;

/// Segments from which the order can be judged.
const ENOUGH: usize = 6;
/// The share of steps back up from which the order is not trusted.
const MAX_BACK: f64 = 0.15;
/// A wider gap over the whole height parts columns, in sizes of the font.
const GUTTER: f64 = 1.2;
/// Segments that a column has at least.
const COLUMN: usize = 3;
/// Columns and blocks within each other that are told apart.
const MAX_DEPTH: usize = 16;

/// Whether two segments stand on one line.
pub fn is_same_line(a: &Segment, b: &Segment) -> bool {
    a.direction == b.direction && (a.line - b.line).abs() < a.size.min(b.size) * 0.4
}

/// The segments in the order in which people read them.
pub fn in_reading_order(segments: Vec<Segment>) -> Vec<Segment> {
    if is_in_order(&segments) {
        return segments;
    }
    let mut ordered = Vec::with_capacity(segments.len());
    let mut left = segments;
    while let Some(direction) = left.first().map(|first| first.direction) {
        let (same, others) = left.into_iter().partition(|segment| segment.direction == direction);
        arrange(same, MAX_DEPTH, &mut ordered);
        left = others;
    }
    ordered
}

fn is_in_order(segments: &[Segment]) -> bool {
    let is_back = |pair: &&[Segment]| {
        let [before, next] = pair else { return false };
        let size = before.size.max(next.size);
        let up = before.line - next.line > size;
        let left = is_same_line(before, next) && next.end < before.start;
        // A step up and to the right leads to the next column.
        before.direction == next.direction && (left || (up && next.start < before.end))
    };
    segments.len() < ENOUGH || segments.windows(2).filter(is_back).count() as f64 <= segments.len() as f64 * MAX_BACK
}

/// Columns from left to right, each by blocks from top to bottom, each by lines.
fn arrange(mut segments: Vec<Segment>, depth: usize, ordered: &mut Vec<Segment>) {
    if depth > 0 {
        segments.sort_by(|a, b| a.start.total_cmp(&b.start));
        if let Some(at) = gutter(&segments) {
            let right = segments.split_off(at);
            arrange(segments, depth - 1, ordered);
            return arrange(right, depth - 1, ordered);
        }
        segments.sort_by(|a, b| a.line.total_cmp(&b.line));
        if let Some(at) = band(&segments) {
            let lower = segments.split_off(at);
            arrange(segments, depth - 1, ordered);
            return arrange(lower, depth - 1, ordered);
        }
    }
    by_lines(segments, ordered);
}

/// Where the widest gap between columns is, in segments from left to right.
fn gutter(segments: &[Segment]) -> Option<usize> {
    let mut best = (0.0, None);
    let mut end = f64::NEG_INFINITY;
    for (at, segment) in segments.iter().enumerate() {
        let gap = (segment.start - end) / segment.size;
        if at >= COLUMN && segments.len() - at >= COLUMN && gap > GUTTER && gap > best.0 {
            best = (gap, Some(at));
        }
        end = end.max(segment.end);
    }
    best.1
}

/// Where the widest gap between blocks is, in segments from top to bottom; `None` if none is wider than usual.
fn band(segments: &[Segment]) -> Option<usize> {
    let step = |pair: &[Segment]| (pair[1].line - pair[0].line) / pair[0].size.max(pair[1].size);
    let steps = segments.windows(2).map(step).enumerate();
    let (at, widest) = steps.max_by(|a, b| a.1.total_cmp(&b.1))?;
    (widest > 1.8).then_some(at + 1)
}

/// Lines from top to bottom, each from left to right.
fn by_lines(mut segments: Vec<Segment>, ordered: &mut Vec<Segment>) {
    segments.sort_by(|a, b| a.line.total_cmp(&b.line));
    let mut line: Vec<Segment> = Vec::new();
    for segment in segments {
        if line.first().is_some_and(|first| !is_same_line(first, &segment)) {
            finish(&mut line, ordered);
        }
        line.push(segment);
    }
    finish(&mut line, ordered);
}

fn finish(line: &mut Vec<Segment>, ordered: &mut Vec<Segment>) {
    line.sort_by(|a, b| a.start.total_cmp(&b.start));
    ordered.append(line);
}
