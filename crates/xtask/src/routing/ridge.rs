//! Ridge regression by conjugate gradients, on sparse rows.

/// The places of a row and its values there.
pub(super) type Row = Vec<(u32, f32)>;

/// As many steps bring the remainder of a problem of this kind below what a byte can store.
const STEPS: usize = 40;

/// Weights that bring `rows · weights` near the targets, whose weighted mean is taken off first; `pull` is the strength of the penalty.
pub(super) fn fit(rows: &[&Row], targets: &[f32], width: usize, pull: f32) -> Vec<f32> {
    let mean = targets.iter().sum::<f32>() / targets.len().max(1) as f32;
    let centred: Vec<f32> = targets.iter().map(|target| target - mean).collect();
    let mut weights = vec![0.0; width];
    // (XᵀX + pull) weights = Xᵀ targets
    let mut residual = transposed(rows, &centred, width);
    let mut direction = residual.clone();
    let mut norm = dot(&residual, &residual);
    for _ in 0..STEPS {
        if norm < 1e-10 {
            break;
        }
        let image: Vec<f32> = rows.iter().map(|row| times(row, &direction)).collect();
        let mut applied = transposed(rows, &image, width);
        applied.iter_mut().zip(&direction).for_each(|(applied, direction)| *applied += pull * direction);
        let length = (norm / dot(&direction, &applied)) as f32;
        for at in 0..width {
            weights[at] += length * direction[at];
            residual[at] -= length * applied[at];
        }
        let next = dot(&residual, &residual);
        let keep = (next / norm) as f32;
        direction.iter_mut().zip(&residual).for_each(|(direction, residual)| *direction = residual + keep * *direction);
        norm = next;
    }
    weights
}

/// What a row comes to under these weights.
pub(super) fn times(row: &Row, weights: &[f32]) -> f32 {
    row.iter().map(|(place, value)| weights[*place as usize] * value).sum()
}

fn transposed(rows: &[&Row], values: &[f32], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0; width];
    for (row, value) in rows.iter().zip(values) {
        for (place, own) in *row {
            sums[*place as usize] += own * value;
        }
    }
    sums
}

fn dot(one: &[f32], other: &[f32]) -> f64 {
    one.iter().zip(other).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum()
}
