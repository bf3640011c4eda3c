//! Reciprocal rank fusion: two rankings become one without comparing their scores.

use std::{collections::HashMap, hash::Hash};

/// How strongly rank one beats rank two. The value of the original paper (Cormack, Clarke and
/// Büttcher, SIGIR 2009), also the one behind the project's reference figures.
pub const RRF_K: f32 = 60.0;

/// A place in one of the rankings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// 1 is best.
    pub rank: u32,
    /// The ranking's own score: BM25, or cosine similarity.
    pub score: f32,
}

/// An item of the fused ranking, with what each ranking said about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fused<K> {
    /// The item.
    pub key: K,
    /// The fused score: the sum of `1 / (k + rank)`.
    pub score: f32,
    /// Where keyword search put it.
    pub keyword: Option<Ranked>,
    /// Where vector search put it.
    pub vector: Option<Ranked>,
}

/// Fuses two rankings, each best first. The result is best first; equal scores keep the order
/// of the keyword ranking, then of the vector ranking, so that results do not jump.
pub fn fuse<K: Copy + Eq + Hash>(keyword: &[(K, f32)], vector: &[(K, f32)]) -> Vec<Fused<K>> {
    let mut fused: Vec<Fused<K>> = Vec::with_capacity(keyword.len() + vector.len());
    let mut places: HashMap<K, usize> = HashMap::with_capacity(keyword.len() + vector.len());
    for (is_keyword, ranking) in [(true, keyword), (false, vector)] {
        for (&(key, score), rank) in ranking.iter().zip(1_u32..) {
            let place = *places.entry(key).or_insert_with(|| {
                fused.push(Fused { key, score: 0.0, keyword: None, vector: None });
                fused.len() - 1
            });
            let item = &mut fused[place];
            let slot = if is_keyword { &mut item.keyword } else { &mut item.vector };
            // A ranking that names an item twice counts its better place only.
            if slot.is_none() {
                *slot = Some(Ranked { rank, score });
                item.score += 1.0 / (RRF_K + rank as f32);
            }
        }
    }
    fused.sort_by(|a, b| b.score.total_cmp(&a.score));
    fused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn found_by_both_beats_found_by_one() {
        let fused = fuse(&[('a', 9.0), ('b', 8.0)], &[('c', 0.9), ('b', 0.8)]);
        let order: String = fused.iter().map(|f| f.key).collect();
        assert_eq!(order, "bac");
        assert_eq!(fused[0].keyword, Some(Ranked { rank: 2, score: 8.0 }));
        assert_eq!(fused[0].vector, Some(Ranked { rank: 2, score: 0.8 }));
        assert!((fused[0].score - 2.0 / 62.0).abs() < 1e-6);
        assert_eq!(fused[1].vector, None);
    }

    #[test]
    fn one_ranking_alone_keeps_its_order() {
        let fused = fuse(&[], &[(3, 0.9), (1, 0.5), (2, 0.4)]);
        assert_eq!(fused.iter().map(|f| f.key).collect::<Vec<_>>(), [3, 1, 2]);
        assert!(fuse::<u8>(&[], &[]).is_empty());
    }

    #[test]
    fn a_repeated_item_counts_once() {
        let fused = fuse(&[('a', 2.0), ('a', 1.0)], &[]);
        assert_eq!(fused.len(), 1);
        assert!((fused[0].score - 1.0 / 61.0).abs() < 1e-6);
    }
}
