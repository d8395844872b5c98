//! Where the bytes of an archive lie: which entry each piece begins in, and which files continue
//! over the end of one. It follows from the entries alone (see `archive::write`), for the writer
//! as for a reader with a table of contents.

use super::archive::{END, padding};

/// One stretch of the archive: the headers of an entry and its content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) headers: u64,
    pub(super) content: u64,
}

impl Extent {
    fn length(self) -> u64 {
        let padding = padding(self.content) as u64;
        self.headers
            .saturating_add(self.content)
            .saturating_add(padding)
    }
}

/// Where a piece begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Start {
    /// Its first byte in the archive.
    pub(super) at: u64,
    /// The number of the entry that this byte belongs to; as many as there are for the end.
    pub(super) entry: usize,
    /// The first byte of that entry's headers.
    pub(super) entry_at: u64,
}

/// Where every piece begins.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) starts: Vec<Start>,
    /// The entries whose content continues over the end of a piece, in order.
    pub(super) spanning: Vec<usize>,
    /// The size of the archive.
    pub(super) total: u64,
}

impl Layout {
    /// Lays out entries over pieces that begin at `begins`: rising numbers, the first of which
    /// is 0. `None` ends the pieces; those beyond the end of the archive are left out.
    pub(super) fn new(
        extents: impl Iterator<Item = Extent>,
        begins: impl Iterator<Item = u64>,
    ) -> Self {
        let mut begins = begins.peekable();
        let mut layout = Self {
            starts: Vec::new(),
            spanning: Vec::new(),
            total: 0,
        };
        let mut count = 0;
        for (entry, extent) in extents.enumerate() {
            let entry_at = layout.total;
            let end = entry_at.saturating_add(extent.length());
            let content = entry_at.saturating_add(extent.headers);
            while let Some(at) = begins.next_if(|at| *at < end) {
                layout.starts.push(Start {
                    at,
                    entry,
                    entry_at,
                });
                let inside = content < at && at < content.saturating_add(extent.content);
                if inside && layout.spanning.last() != Some(&entry) {
                    layout.spanning.push(entry);
                }
            }
            layout.total = end;
            count = entry + 1;
        }
        let entry_at = layout.total;
        layout.total = entry_at.saturating_add(END);
        while let Some(at) = begins.next_if(|at| *at < layout.total) {
            layout.starts.push(Start {
                at,
                entry: count,
                entry_at,
            });
        }
        layout
    }

    /// Returns where a piece ends.
    pub(super) fn end(&self, piece: usize) -> u64 {
        self.starts
            .get(piece + 1)
            .map_or(self.total, |next| next.at)
    }

    /// Returns the number of an entry among those that continue over the end of a piece.
    pub(super) fn span(&self, entry: usize) -> Option<usize> {
        self.spanning.binary_search(&entry).ok()
    }
}

/// The part of `length` bytes from `at` that lies between `start` and `end`: where it begins in
/// the part, where it begins after `start`, and how long it is. `None` where nothing does.
pub(super) fn overlap(at: u64, length: u64, start: u64, end: u64) -> Option<(u64, usize, usize)> {
    let first = at.max(start);
    let last = at.saturating_add(length).min(end);
    if first >= last {
        return None;
    }
    // A piece fits into memory.
    let inside = usize::try_from(first - start).ok()?;
    Some((first - at, inside, usize::try_from(last - first).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_begin_in_the_entries_that_their_first_bytes_belong_to() {
        let extents = [(512, 0), (512, 3000), (0, 0), (1536, 0)];
        let extents = extents.map(|(headers, content)| Extent { headers, content });
        let layout = Layout::new(extents.into_iter(), (0..).step_by(1024));
        assert_eq!(layout.total, 512 + 512 + 3072 + 1536 + 1024);
        let starts: Vec<(u64, usize)> = layout.starts.iter().map(|s| (s.at, s.entry)).collect();
        assert_eq!(
            starts,
            [
                (0, 0),
                (1024, 1),
                (2048, 1),
                (3072, 1),
                (4096, 3),
                (5120, 3),
                (6144, 4)
            ]
        );
        assert_eq!(layout.spanning, [1]);
        assert_eq!(layout.end(6), layout.total);
    }

    #[test]
    fn nothing_is_one_piece() {
        let layout = Layout::new([].into_iter(), (0..).step_by(1024));
        assert_eq!(layout.total, 1024);
        assert_eq!(layout.starts.len(), 1);
    }
}
