//! Regression trees over named numbers.

use crate::bytes::{Reader, Writer};

/// A branch or a leaf.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Node {
    /// Place of the number that is compared.
    pub feature: u16,
    /// Numbers at or below it go left.
    pub threshold: f32,
    /// Place of the left node among all; the right one follows it. 0 is a leaf.
    pub left: u32,
    /// The mean of what was learned here. A leaf's is what the tree says.
    pub value: f32,
}

/// Trees whose answers are added up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forest {
    /// Where each tree begins.
    pub roots: Vec<u32>,
    /// Of all trees. The left and right of a node stand behind it.
    pub nodes: Vec<Node>,
}

impl Forest {
    /// The sum of all trees. `moved` is called with each feature that a branch asked and by how much that branch moved the sum.
    pub fn sum(&self, values: &[f32], mut moved: impl FnMut(usize, f32)) -> f32 {
        let mut sum = 0.0;
        for root in &self.roots {
            let Some(mut node) = self.nodes.get(*root as usize) else { continue };
            while node.left != 0 {
                let value = values.get(usize::from(node.feature)).copied().unwrap_or(0.0);
                let next = node.left as usize + usize::from(value > node.threshold);
                let Some(next) = self.nodes.get(next) else { break };
                moved(usize::from(node.feature), next.value - node.value);
                node = next;
            }
            sum += node.value;
        }
        sum
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.u32(self.roots.len() as u32);
        self.roots.iter().for_each(|root| writer.u32(*root));
        writer.u32(self.nodes.len() as u32);
        for node in &self.nodes {
            writer.u32(u32::from(node.feature));
            writer.f32(node.threshold);
            writer.u32(node.left);
            writer.f32(node.value);
        }
    }

    /// `None` if a branch leads backwards or out of the forest, so that walking always ends.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let count = reader.length(4)?;
        let roots = (0..count).map(|_| reader.u32()).collect::<Option<Vec<u32>>>()?;
        let count = reader.length(16)?;
        let mut nodes = Vec::with_capacity(count);
        for at in 0..count {
            let feature = u16::try_from(reader.u32()?).ok()?;
            let (threshold, left, value) = (reader.f32()?, reader.u32()?, reader.f32()?);
            if left != 0 && (left as usize <= at || left as usize + 1 >= count) {
                return None;
            }
            nodes.push(Node { feature, threshold, left, value });
        }
        Some(Self { roots, nodes })
    }
}
