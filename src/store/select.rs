//! Some spans of a store.

use super::spans::{EventColumns, LinkColumns, SpanColumns, SpanStore};

impl SpanStore {
    /// Only the spans that are to be kept (by position), in their order, with their events and links. Strings,
    /// attributes, resources and scopes stay, used or not. O(size).
    pub fn select(self, keep: &[bool]) -> Self {
        let kept: Vec<usize> = (0..self.len()).filter(|&span| keep[span]).collect();
        let runs = |ends: &[u32]| -> (Vec<usize>, Vec<u32>) {
            let (mut rows, mut new_ends) = (Vec::new(), Vec::with_capacity(kept.len()));
            for &span in &kept {
                let start = if span == 0 { 0 } else { ends[span - 1] };
                rows.extend(start as usize..ends[span] as usize);
                new_ends.push(rows.len() as u32);
            }
            (rows, new_ends)
        };
        let old = &self.spans;
        let (event_rows, events_end) = runs(&old.events_end);
        let (link_rows, links_end) = runs(&old.links_end);
        // Traces are numbered in order of first appearance.
        let mut number = vec![u32::MAX; self.traces.len()];
        let mut traces = Vec::new();
        for &span in &kept {
            let trace = old.trace[span] as usize;
            if number[trace] == u32::MAX {
                number[trace] = traces.len() as u32;
                traces.push(self.traces[trace]);
            }
        }
        let dropped = kept.iter().enumerate().filter_map(|(new, &span)| {
            let at = old.dropped.binary_search_by_key(&(span as u32), |(span, _)| *span).ok()?;
            Some((new as u32, old.dropped[at].1))
        });
        let spans = SpanColumns {
            trace: kept.iter().map(|&span| number[old.trace[span] as usize]).collect(),
            id: pick(&old.id, &kept),
            parent: pick(&old.parent, &kept),
            trace_state: pick(&old.trace_state, &kept),
            flags: pick(&old.flags, &kept),
            name: pick(&old.name, &kept),
            kind: pick(&old.kind, &kept),
            start: pick(&old.start, &kept),
            end: pick(&old.end, &kept),
            attributes: pick(&old.attributes, &kept),
            status_code: pick(&old.status_code, &kept),
            status_message: pick(&old.status_message, &kept),
            resource: pick(&old.resource, &kept),
            scope: pick(&old.scope, &kept),
            events_end,
            links_end,
            dropped: dropped.collect(),
        };
        let events = EventColumns {
            time: pick(&self.events.time, &event_rows),
            name: pick(&self.events.name, &event_rows),
            attributes: pick(&self.events.attributes, &event_rows),
            dropped_attributes: pick(&self.events.dropped_attributes, &event_rows),
        };
        let links = LinkColumns {
            trace_id: pick(&self.links.trace_id, &link_rows),
            span_id: pick(&self.links.span_id, &link_rows),
            trace_state: pick(&self.links.trace_state, &link_rows),
            attributes: pick(&self.links.attributes, &link_rows),
            dropped_attributes: pick(&self.links.dropped_attributes, &link_rows),
            flags: pick(&self.links.flags, &link_rows),
        };
        Self { traces, spans, events, links, ..self }
    }
}

fn pick<T: Copy>(column: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().map(|&row| column[row]).collect()
}
