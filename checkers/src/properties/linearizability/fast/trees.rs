//! Two segment trees over positions.

/// How many intervals cover each segment; tells of segments that nobody covers any more, once each.
pub(super) struct Cover {
    size: usize,
    /// Of each node the least cover below it, not counting what its ancestors add.
    least: Vec<i32>,
    add: Vec<i32>,
}

/// More than any cover: a segment that was told of.
const TOLD: i32 = i32::MAX / 2;

impl Cover {
    /// So many segments, and the intervals (from, to) that cover segments `from..to`.
    pub(super) fn new(segments: usize, spans: &[(usize, usize)]) -> Self {
        let size = segments.max(1).next_power_of_two();
        let mut delta = vec![0i32; segments + 1];
        for &(from, to) in spans {
            delta[from] += 1;
            delta[to] -= 1;
        }
        let mut least = vec![TOLD; 2 * size];
        let mut count = 0;
        for (segment, change) in delta.iter().take(segments).enumerate() {
            count += change;
            least[size + segment] = count;
        }
        for node in (1..size).rev() {
            least[node] = least[2 * node].min(least[2 * node + 1]);
        }
        Self { size, least, add: vec![0; 2 * size] }
    }

    /// An interval is gone.
    pub(super) fn remove(&mut self, (from, to): (usize, usize)) {
        let (mut left, mut right) = (from + self.size, to + self.size);
        let (first, last) = (left, right - 1);
        while left < right {
            if left & 1 == 1 {
                self.change(left, -1);
                left += 1;
            }
            if right & 1 == 1 {
                right -= 1;
                self.change(right, -1);
            }
            left /= 2;
            right /= 2;
        }
        self.pull(first);
        self.pull(last);
    }

    fn change(&mut self, node: usize, by: i32) {
        self.least[node] += by;
        self.add[node] += by;
    }

    fn pull(&mut self, leaf: usize) {
        let mut node = leaf / 2;
        while node >= 1 {
            self.least[node] = self.least[2 * node].min(self.least[2 * node + 1]) + self.add[node];
            node /= 2;
        }
    }

    /// The segments in `from..to` that nobody covers and that were not told of yet, in order.
    pub(super) fn new_gaps(&mut self, from: usize, to: usize, out: &mut Vec<usize>) {
        let first = out.len();
        // Nodes to look at, with what their ancestors add, and the segments below them.
        let mut todo = vec![(1, 0, 0, self.size)];
        while let Some((node, above, low, high)) = todo.pop() {
            if high <= from || to <= low || self.least[node] + above > 0 {
                continue;
            }
            if node >= self.size {
                out.push(node - self.size);
                continue;
            }
            let (above, middle) = (above + self.add[node], low.midpoint(high));
            todo.push((2 * node + 1, above, middle, high));
            todo.push((2 * node, above, low, middle));
        }
        for segment in &out[first..] {
            let leaf = segment + self.size;
            self.change(leaf, TOLD);
            self.pull(leaf);
        }
    }
}

/// Finds, in a range of numbers, one below a limit.
pub(super) struct Earliest {
    size: usize,
    least: Vec<u32>,
}

impl Earliest {
    pub(super) fn new(numbers: impl ExactSizeIterator<Item = u32>) -> Self {
        let size = numbers.len().max(1).next_power_of_two();
        let mut least = vec![u32::MAX; 2 * size];
        least[size..].iter_mut().zip(numbers).for_each(|(leaf, number)| *leaf = number);
        for node in (1..size).rev() {
            least[node] = least[2 * node].min(least[2 * node + 1]);
        }
        Self { size, least }
    }

    pub(super) fn is_there(&self, at: usize) -> bool {
        self.least[self.size + at] != u32::MAX
    }

    pub(super) fn remove(&mut self, at: usize) {
        let mut node = self.size + at;
        self.least[node] = u32::MAX;
        while node > 1 {
            node /= 2;
            self.least[node] = self.least[2 * node].min(self.least[2 * node + 1]);
        }
    }

    /// The first place in `from..to` whose number is below `limit`.
    pub(super) fn next_before(&self, from: usize, to: usize, limit: u32) -> Option<usize> {
        if from >= to {
            return None;
        }
        let mut node = from + self.size;
        // Up until a subtree to the right has one, then down to its first.
        while self.least[node] >= limit {
            while node & 1 == 1 {
                node /= 2;
            }
            if node == 0 {
                return None;
            }
            node += 1;
        }
        while node < self.size {
            node *= 2;
            if self.least[node] >= limit {
                node += 1;
            }
        }
        Some(node - self.size).filter(|&at| at < to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_told_once() {
        let mut cover = Cover::new(5, &[(0, 3), (1, 5), (2, 3)]);
        let mut gaps = Vec::new();
        cover.new_gaps(0, 5, &mut gaps);
        assert_eq!(gaps, []);
        cover.remove((1, 5));
        cover.new_gaps(1, 5, &mut gaps);
        assert_eq!(gaps, [3, 4]);
        cover.remove((0, 3));
        cover.new_gaps(0, 5, &mut gaps);
        assert_eq!(gaps, [3, 4, 0, 1]);
    }

    #[test]
    fn the_next_below_a_limit() {
        let mut earliest = Earliest::new([5, 3, 8, 1, 9].into_iter());
        let find = |earliest: &Earliest, from, to, limit| earliest.next_before(from, to, limit);
        assert_eq!(find(&earliest, 0, 5, 4), Some(1));
        assert_eq!(find(&earliest, 2, 5, 4), Some(3));
        assert_eq!(find(&earliest, 2, 3, 4), None);
        assert_eq!(find(&earliest, 4, 5, 9), None);
        earliest.remove(3);
        assert_eq!(find(&earliest, 2, 5, 4), None);
        assert!(!earliest.is_there(3) && earliest.is_there(4));
    }
}
