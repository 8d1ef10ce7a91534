//! Lines of equal height through a grid of samples, by marching squares (Lorensen and Cline 1987, in the plane).

/// A segment of a line, in columns and lines of the grid.
pub type GridSegment = [[f32; 2]; 2];

/// The segments along which the samples, `width` a line, have the height `level`.
pub fn contour_lines(samples: &[f32], width: usize, level: f32) -> Vec<GridSegment> {
    let mut segments = Vec::new();
    let height = samples.len().checked_div(width).unwrap_or(0);
    for y in 0..height.saturating_sub(1) {
        for x in 0..width.saturating_sub(1) {
            cross(samples, width, [x, y], level, &mut segments);
        }
    }
    segments
}

/// In a square of four samples, a line crosses the sides whose ends are on opposite sides of the level.
fn cross(samples: &[f32], width: usize, [x, y]: [usize; 2], level: f32, segments: &mut Vec<GridSegment>) {
    const CORNERS: [[usize; 2]; 4] = [[0, 0], [1, 0], [1, 1], [0, 1]];
    let value = CORNERS.map(|[dx, dy]| samples[(y + dy) * width + x + dx]);
    let mut crossings = [[0.0; 2]; 4];
    let mut count = 0;
    for side in 0..4 {
        let (a, b) = (value[side], value[(side + 1) % 4]);
        if (a >= level) != (b >= level) {
            let share = (level - a) / (b - a);
            let ([ax, ay], [bx, by]) = (CORNERS[side], CORNERS[(side + 1) % 4]);
            let mix = |from: usize, to: usize| from as f32 + (to as f32 - from as f32) * share;
            crossings[count] = [x as f32 + mix(ax, bx), y as f32 + mix(ay, by)];
            count += 1;
        }
    }
    match count {
        2 => segments.push([crossings[0], crossings[1]]),
        // A saddle: two segments that connect the corners above the level.
        4 if value[0] >= level => segments.extend([[crossings[0], crossings[1]], [crossings[2], crossings[3]]]),
        4 => segments.extend([[crossings[3], crossings[0]], [crossings[1], crossings[2]]]),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn around_a_hill_the_line_is_closed_and_lies_between_the_heights() {
        let samples: Vec<f32> = (0..81).map(|at| 10.0 - ((at % 9) as f32 - 4.0).hypot((at / 9) as f32 - 4.0)).collect();
        let lines = contour_lines(&samples, 9, 7.5);
        for [x, y] in lines.iter().flatten() {
            assert!(((x - 4.0).hypot(y - 4.0) - 2.5).abs() < 0.15, "({x}, {y})");
        }
        let near = |[a, b]: [f32; 2], [c, d]: [f32; 2]| (a - c).hypot(b - d) < 1e-4;
        for end in lines.iter().flatten() {
            assert_eq!(lines.iter().flatten().filter(|other| near(**other, *end)).count(), 2, "no loose end");
        }
        assert!(contour_lines(&samples, 9, 11.0).is_empty() && contour_lines(&[], 0, 1.0).is_empty());
    }
}
