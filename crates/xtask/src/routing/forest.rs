//! Gradient-boosted regression trees: few leaves, small steps, part of the rows and features for each tree.

use millwright_routing::trees::{Forest, Node};

use crate::pii::random::Random;

/// How a forest is grown.
#[derive(Clone, Copy)]
pub(super) struct Growth {
    pub(super) trees: usize,
    pub(super) leaves: usize,
    /// Rows of a leaf, at least.
    pub(super) least_rows: usize,
    /// How much of a tree's answer is added.
    pub(super) rate: f32,
    /// Pulls a leaf towards nothing: as many rows more that say 0.
    pub(super) pull: f32,
    /// Of a hundred rows so many are used for a tree.
    pub(super) rows: usize,
    /// Of a hundred features likewise.
    pub(super) features: usize,
}

/// Places into which a feature's values are sorted.
const BINS: usize = 48;

/// Rows with their features in bins.
pub(super) struct Table {
    /// By feature, by row.
    bins: Vec<Vec<u8>>,
    /// By feature: the upper end of each bin but the last.
    edges: Vec<Vec<f32>>,
    rows: usize,
}

impl Table {
    /// One row of values for each example.
    pub(super) fn new(rows: &[&[f32]]) -> Self {
        let width = rows.first().map_or(0, |row| row.len());
        let column = |at: usize| rows.iter().map(move |row| row.get(at).copied().unwrap_or(0.0));
        let edges: Vec<Vec<f32>> = (0..width).map(|at| edges(column(at).collect())).collect();
        let bins = edges
            .iter()
            .enumerate()
            .map(|(at, edges)| column(at).map(|value| edges.partition_point(|edge| *edge < value) as u8).collect())
            .collect();
        Self { bins, edges, rows: rows.len() }
    }
}

/// Borders between bins that hold about equally many values, half way between two values.
fn edges(mut values: Vec<f32>) -> Vec<f32> {
    values.sort_by(f32::total_cmp);
    let mut edges: Vec<f32> = Vec::new();
    for bin in 1..BINS {
        let at = values.len() * bin / BINS;
        let (Some(value), Some(next)) = (values.get(at), values.iter().skip(at).find(|next| **next > values[at]))
        else {
            continue;
        };
        let edge = f32::midpoint(*value, *next);
        if edges.last().is_none_or(|last| *last < edge) {
            edges.push(edge);
        }
    }
    edges
}

/// The best division of a leaf.
#[derive(Clone, Copy)]
struct Split {
    gain: f64,
    feature: usize,
    bin: u8,
}

struct Leaf {
    node: usize,
    rows: Vec<u32>,
    split: Option<Split>,
}

/// Grows trees that add up to the targets. Every answer is multiplied by `sign`.
pub(super) fn grow(table: &Table, targets: &[f32], growth: Growth, sign: f32, seed: u64) -> Forest {
    let mut random = Random::new(seed);
    let mut forest = Forest::default();
    let mean = targets.iter().sum::<f32>() / targets.len().max(1) as f32;
    let mut rest: Vec<f32> = targets.iter().map(|target| target - mean).collect();
    for _ in 0..growth.trees {
        let rows: Vec<u32> = (0..table.rows as u32).filter(|_| random.percent(growth.rows)).collect();
        let features: Vec<usize> = (0..table.bins.len()).filter(|_| random.percent(growth.features)).collect();
        let start = forest.nodes.len();
        grow_tree(table, &rest, growth, rows, &features, &mut forest);
        for (row, rest) in rest.iter_mut().enumerate() {
            *rest -= answer(table, &forest, start, row);
        }
    }
    for node in &mut forest.nodes {
        node.value *= sign;
    }
    forest
}

fn answer(table: &Table, forest: &Forest, root: usize, row: usize) -> f32 {
    let mut node = &forest.nodes[root];
    while node.left != 0 {
        let feature = usize::from(node.feature);
        let bin = usize::from(table.bins[feature][row]);
        // An edge is the threshold: rows in bins above it go right.
        let right = bin > table.edges[feature].partition_point(|edge| *edge < node.threshold);
        node = &forest.nodes[node.left as usize + usize::from(right)];
    }
    node.value
}

fn grow_tree(table: &Table, rest: &[f32], growth: Growth, rows: Vec<u32>, features: &[usize], forest: &mut Forest) {
    let value = |rows: &[u32]| {
        let sum: f64 = rows.iter().map(|row| f64::from(rest[*row as usize])).sum();
        growth.rate * (sum / (rows.len() as f64 + f64::from(growth.pull))) as f32
    };
    let leaf = |node: usize, rows: Vec<u32>| {
        let split = best_split(table, rest, growth, &rows, features);
        Leaf { node, rows, split }
    };
    let root = forest.nodes.len();
    forest.roots.push(root as u32);
    forest.nodes.push(Node { feature: 0, threshold: 0.0, left: 0, value: value(&rows) });
    let mut leaves = vec![leaf(root, rows)];
    while leaves.len() < growth.leaves {
        let best = (0..leaves.len())
            .filter_map(|at| leaves[at].split.map(|split| (at, split)))
            .max_by(|one, other| one.1.gain.total_cmp(&other.1.gain));
        let Some((at, split)) = best else { break };
        let parent = leaves.swap_remove(at);
        let bins = &table.bins[split.feature];
        let (left, right): (Vec<u32>, Vec<u32>) = parent.rows.iter().partition(|row| bins[**row as usize] <= split.bin);
        let first = forest.nodes.len();
        for rows in [&left, &right] {
            forest.nodes.push(Node { feature: 0, threshold: 0.0, left: 0, value: value(rows) });
        }
        let node = &mut forest.nodes[parent.node];
        node.feature = split.feature as u16;
        node.threshold = table.edges[split.feature][usize::from(split.bin)];
        node.left = first as u32;
        leaves.push(leaf(first, left));
        leaves.push(leaf(first + 1, right));
    }
}

fn best_split(table: &Table, rest: &[f32], growth: Growth, rows: &[u32], features: &[usize]) -> Option<Split> {
    let pull = f64::from(growth.pull);
    let total: f64 = rows.iter().map(|row| f64::from(rest[*row as usize])).sum();
    let strength = |sum: f64, count: usize| sum * sum / (count as f64 + pull);
    let whole = strength(total, rows.len());
    let mut best: Option<Split> = None;
    for feature in features {
        let mut sums = [(0.0_f64, 0_usize); BINS];
        let bins = &table.bins[*feature];
        for row in rows {
            let place = &mut sums[usize::from(bins[*row as usize])];
            place.0 += f64::from(rest[*row as usize]);
            place.1 += 1;
        }
        let (mut sum, mut count) = (0.0, 0);
        for (bin, here) in sums.iter().enumerate().take(table.edges[*feature].len()) {
            sum += here.0;
            count += here.1;
            if count < growth.least_rows || rows.len() - count < growth.least_rows {
                continue;
            }
            let gain = strength(sum, count) + strength(total - sum, rows.len() - count) - whole;
            if gain > best.map_or(1e-9, |best| best.gain) {
                best = Some(Split { gain, feature: *feature, bin: bin as u8 });
            }
        }
    }
    best
}

/// Puts the trees of several forests together; each counts for its share.
pub(super) fn join(forests: &[Forest]) -> Forest {
    let mut joined = Forest::default();
    let share = 1.0 / forests.len().max(1) as f32;
    for forest in forests {
        let offset = joined.nodes.len() as u32;
        joined.roots.extend(forest.roots.iter().map(|root| root + offset));
        joined.nodes.extend(forest.nodes.iter().map(|node| Node {
            left: if node.left == 0 { 0 } else { node.left + offset },
            value: node.value * share,
            ..*node
        }));
    }
    joined
}
