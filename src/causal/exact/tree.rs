//! Vectors that share what they have in common: persistent trees with eight children per node.
//!
//! Most components of an event's vector are those of the event before it. A row is the number of a root; a merge
//! makes new nodes only on the way to components that are new in both. A thousand dead incarnations cost nothing.

const BITS: u32 = 3;
const WIDTH: usize = 1 << BITS;

/// Rows of counts by lane. Row 0 is all zeroes.
#[derive(Clone, Debug)]
pub(in crate::causal) struct Tree {
    nodes: Vec<[u32; WIDTH]>,
    /// How many levels are above the leaves.
    height: u32,
}

impl Tree {
    /// For so many lanes.
    pub(in crate::causal) fn new(lanes: usize) -> Self {
        let mut height = 0;
        while lanes > 1 << (BITS * (height + 1)) {
            height += 1;
        }
        Self { nodes: vec![[0; WIDTH]], height }
    }

    /// How many nodes there are.
    #[cfg(test)]
    pub(in crate::causal) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// How many bytes the nodes take.
    pub(in crate::causal) fn bytes(&self) -> usize {
        self.nodes.len() * size_of::<[u32; WIDTH]>()
    }

    /// One component of a row.
    pub(in crate::causal) fn get(&self, row: u32, lane: u32) -> u32 {
        let child = |node: u32, level: u32| self.nodes[node as usize][(lane >> (BITS * level)) as usize % WIDTH];
        (0..=self.height).rev().fold(row, |node, level| if node == 0 { 0 } else { child(node, level) })
    }

    /// The row with the greater of each component of two rows, in which `lane` has at least `count`.
    pub(in crate::causal) fn join(&mut self, x: u32, y: u32, lane: u32, count: u32) -> u32 {
        self.join_nodes(x, y, self.height, Some((lane, count)))
    }

    /// The row with the greater of each component of two rows.
    pub(in crate::causal) fn merge(&mut self, x: u32, y: u32) -> u32 {
        self.join_nodes(x, y, self.height, None)
    }

    /// As deep as the tree is high: at most ten levels.
    fn join_nodes(&mut self, x: u32, y: u32, level: u32, set: Option<(u32, u32)>) -> u32 {
        if set.is_none() && (x == y || y == 0) {
            return x;
        }
        if set.is_none() && x == 0 {
            return y;
        }
        let (of_x, of_y) = (self.nodes[x as usize], self.nodes[y as usize]);
        let mut joined = [0; WIDTH];
        for (at, slot) in joined.iter_mut().enumerate() {
            let set = set.filter(|(lane, _)| (lane >> (BITS * level)) as usize % WIDTH == at);
            *slot = match level {
                0 => of_x[at].max(of_y[at]).max(set.map_or(0, |(_, count)| count)),
                _ => self.join_nodes(of_x[at], of_y[at], level - 1, set),
            };
        }
        if joined == of_x {
            return x;
        }
        if joined == of_y {
            return y;
        }
        self.nodes.push(joined);
        u32::try_from(self.nodes.len() - 1).expect("fewer than 2^32 nodes")
    }

    /// The components of a row that are not zero, ascending by lane.
    pub(in crate::causal) fn entries(&self, row: u32, into: &mut Vec<(u32, u32)>) {
        self.entries_of(row, self.height, 0, into);
    }

    fn entries_of(&self, node: u32, level: u32, base: u32, into: &mut Vec<(u32, u32)>) {
        if node == 0 {
            return;
        }
        for (at, &child) in self.nodes[node as usize].iter().enumerate() {
            let base = base + ((at as u32) << (BITS * level));
            match level {
                0 if child > 0 => into.push((base, child)),
                0 => {}
                _ => self.entries_of(child, level - 1, base, into),
            }
        }
    }
}
