//! The forces of the layout: the similarity that a distance on the map corresponds to, and the strength of attraction
//! and repulsion.

/// Weight of the repulsion by random points, for each edge that attracts. UMAP has 5; more keeps finer neighbourhoods and
/// separates groups less (Böhm, Berens and Kobak 2022, arXiv 2007.08902).
pub const REPULSION: f32 = 10.0;
/// Weight of attraction along an edge; UMAP moves both ends for each direction in which it keeps the edge.
pub const ATTRACTION: f32 = 2.0;
/// Added to the squared distance of points that repel each other, so that none is pushed far away.
pub const MIN_SQUARED_DISTANCE: f32 = 0.001;

/// Similarity in the layout: 1 / (1 + a d^2b).
#[derive(Debug, Clone, Copy)]
pub struct Curve {
    /// Half the similarity is at a distance of about `a^(-1/2b)`.
    pub a: f32,
    /// How steeply it falls.
    pub b: f32,
}

impl Curve {
    /// The least-squares fit to: 1 up to `min_dist`, then exp(min_dist - d), for d up to 3.
    pub fn new(min_dist: f32) -> Self {
        let min_dist = f64::from(min_dist.clamp(0.0, 2.0));
        let error = |a: f64, b: f64| -> f64 {
            (1..=300)
                .map(|i| {
                    let d = f64::from(i) / 100.0;
                    let wanted = if d <= min_dist { 1.0 } else { (min_dist - d).exp() };
                    (wanted - 1.0 / (1.0 + a * d.powf(2.0 * b))).powi(2)
                })
                .sum()
        };
        let (mut a, mut b, mut step) = (1.5f64, 0.9f64, 0.4f64);
        let mut least = error(a, b);
        while step > 1e-5 {
            let around =
                [(step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step), (step, -step / 4.0), (-step, step / 4.0)];
            let best = around
                .iter()
                .map(|(da, db)| ((a + da).max(1e-3), (b + db).max(1e-3)))
                .map(|(a, b)| (error(a, b), a, b))
                .min_by(|x, y| x.0.total_cmp(&y.0));
            match best {
                Some((value, na, nb)) if value < least => (least, a, b) = (value, na, nb),
                _ => step /= 2.0,
            }
        }
        Self { a: a as f32, b: b as f32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_is_the_published_one_for_the_default() {
        let curve = Curve::new(0.1);
        // umap-learn's `find_ab_params(1.0, 0.1)`.
        assert!((curve.a - 1.577).abs() < 0.01 && (curve.b - 0.895).abs() < 0.005, "{curve:?}");
    }
}
