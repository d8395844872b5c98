//! Where the boxes of a drawing lie: columns by the longest way from the start, few crossings,
//! and the points through which each line goes. Sizes come in and places go out; what is drawn
//! there is not known here.
//!
//! The method is the usual one for layered drawings: a line that crosses columns gets a place in
//! each of them, the columns are sorted by the middle of their neighbours, to and fro, and the
//! order with the fewest crossings stays. Then each place is drawn to the height of its neighbours
//! as near as the others of its column let it. All boxes of a column are as wide as the column,
//! so that lines between columns meet none.

/// How often the columns are sorted, to and fro.
const SWEEPS: usize = 12;
/// Between two columns.
const GAP_X: f64 = 56.0;
/// Between two boxes of a column.
const GAP_Y: f64 = 18.0;
/// The height that a line takes where it passes a column.
const PASS: f64 = 10.0;
/// Between two lines at the side of a box.
const PORT: f64 = 10.0;
/// How many places of passing lines are worth their time: lines beyond it go straight.
const MOST_PASSES: usize = 20_000;

/// The size of a box.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A point; `y` grows downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// A finished layout.
#[derive(Debug)]
pub(super) struct Layout {
    /// The upper left corner of each box.
    pub(super) boxes: Vec<Point>,
    /// The width of each box: that of its column.
    pub(super) widths: Vec<f64>,
    /// The points of each line, from the right edge of its first box to the left edge of its last.
    pub(super) lines: Vec<Vec<Point>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A place in a column: a box, or a line that passes.
struct Slot {
    column: usize,
    height: f64,
    /// Neighbours in the columns before and after.
    before: Vec<usize>,
    after: Vec<usize>,
    /// The middle of the place.
    y: f64,
}

/// Lays boxes out; each line goes from an earlier box to a later one. Lines that run in circles
/// are drawn, but do not push boxes apart.
pub(super) fn layout(sizes: &[Size], lines: &[(usize, usize)]) -> Layout {
    let columns = columns(sizes.len(), lines);
    let mut slots: Vec<Slot> = sizes
        .iter()
        .zip(&columns)
        .map(|(size, column)| Slot {
            column: *column,
            height: size.height,
            before: Vec::new(),
            after: Vec::new(),
            y: 0.0,
        })
        .collect();
    let paths = paths(&mut slots, &columns, lines);
    let order = untangled(&slots);
    let height = place(&mut slots, &order);
    let starts = starts(sizes, &columns, &slots, order.len());
    let boxes: Vec<Point> = sizes
        .iter()
        .enumerate()
        .map(|(at, size)| Point {
            x: starts.get(columns[at]).map_or(0.0, |(start, _)| *start),
            y: slots[at].y - size.height / 2.0,
        })
        .collect();
    let ports = ports(&paths, &slots, boxes.len());
    let lines = paths
        .iter()
        .zip(ports)
        .map(|(path, ports)| points(path, ports, &slots, &starts))
        .collect();
    Layout {
        boxes,
        widths: columns
            .iter()
            .map(|column| starts.get(*column).map_or(0.0, |(_, width)| *width))
            .collect(),
        lines,
        width: starts.last().map_or(0.0, |(start, width)| start + width),
        height,
    }
}

/// The column of each box: the longest way to it.
fn columns(boxes: usize, lines: &[(usize, usize)]) -> Vec<usize> {
    let mut waiting = vec![0_usize; boxes];
    let mut after = vec![Vec::new(); boxes];
    for (from, to) in lines {
        waiting[*to] += 1;
        after[*from].push(*to);
    }
    let mut ready: Vec<usize> = (0..boxes).filter(|at| waiting[*at] == 0).collect();
    let mut column = vec![0; boxes];
    while let Some(at) = ready.pop() {
        for next in &after[at] {
            column[*next] = column[*next].max(column[at] + 1);
            waiting[*next] -= 1;
            if waiting[*next] == 0 {
                ready.push(*next);
            }
        }
    }
    column
}

/// Gives each line its places; returns them for each line, its two boxes included.
fn paths(slots: &mut Vec<Slot>, columns: &[usize], lines: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let boxes = slots.len();
    let mut paths = Vec::with_capacity(lines.len());
    for (from, to) in lines {
        let mut path = vec![*from];
        let between = columns[*from] + 1..columns[*to];
        if slots.len() - boxes + between.len() <= MOST_PASSES {
            for column in between {
                path.push(slots.len());
                slots.push(Slot {
                    column,
                    height: PASS,
                    before: Vec::new(),
                    after: Vec::new(),
                    y: 0.0,
                });
            }
        }
        path.push(*to);
        for pair in path.windows(2) {
            if slots[pair[0]].column < slots[pair[1]].column {
                slots[pair[0]].after.push(pair[1]);
                slots[pair[1]].before.push(pair[0]);
            }
        }
        paths.push(path);
    }
    paths
}

fn first_order(slots: &[Slot]) -> Vec<Vec<usize>> {
    let count = slots.iter().map(|slot| slot.column + 1).max().unwrap_or(0);
    let mut order = vec![Vec::new(); count];
    for (at, slot) in slots.iter().enumerate() {
        order[slot.column].push(at);
    }
    order
}

/// Returns the order with the fewest crossings that was found.
fn untangled(slots: &[Slot]) -> Vec<Vec<usize>> {
    let mut order = first_order(slots);
    let mut best = (crossings(slots, &order), order.clone());
    for sweep in 0..SWEEPS {
        if best.0 == 0 {
            break;
        }
        sort(slots, &mut order, sweep % 2 == 0);
        let crossed = crossings(slots, &order);
        if crossed < best.0 {
            best = (crossed, order.clone());
        }
    }
    best.1
}

/// Counts the crossings of lines between neighbouring columns.
fn crossings(slots: &[Slot], order: &[Vec<usize>]) -> usize {
    let rank = ranks(slots.len(), order);
    let between = |column: &Vec<usize>| {
        let mut ends: Vec<usize> = Vec::new();
        for at in column {
            let mut to: Vec<usize> = slots[*at].after.iter().map(|next| rank[*next]).collect();
            to.sort_unstable();
            ends.extend(to);
        }
        inversions(&mut ends)
    };
    order.iter().map(between).sum()
}

/// Counts the pairs that stand the wrong way round, and sorts them on the way.
fn inversions(list: &mut [usize]) -> usize {
    if list.len() < 2 {
        return 0;
    }
    let middle = list.len() / 2;
    let (left, right) = list.split_at_mut(middle);
    let mut count = inversions(left) + inversions(right);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut l, mut r) = (0, 0);
    while l < left.len() || r < right.len() {
        if r == right.len() || (l < left.len() && left[l] <= right[r]) {
            merged.push(left[l]);
            l += 1;
        } else {
            merged.push(right[r]);
            count += left.len() - l;
            r += 1;
        }
    }
    list.copy_from_slice(&merged);
    count
}

fn ranks(count: usize, order: &[Vec<usize>]) -> Vec<usize> {
    let mut rank = vec![0; count];
    for column in order {
        for (place, at) in column.iter().enumerate() {
            rank[*at] = place;
        }
    }
    rank
}

/// Sorts each column by the middle of its neighbours on one side; a place without any stays where
/// it is.
fn sort(slots: &[Slot], order: &mut [Vec<usize>], forth: bool) {
    let mut rank = ranks(slots.len(), order);
    let count = order.len();
    for step in 0..count {
        let column = &mut order[if forth { step } else { count - 1 - step }];
        let mut keyed: Vec<(f64, usize)> = column
            .iter()
            .map(|at| {
                let near = neighbours(&slots[*at], forth);
                let ranks = near.iter().map(|other| number(rank[*other]));
                (mean(ranks).unwrap_or_else(|| number(rank[*at])), *at)
            })
            .collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
        *column = keyed.into_iter().map(|(_, at)| at).collect();
        for (place, at) in column.iter().enumerate() {
            rank[*at] = place;
        }
    }
}

fn neighbours(slot: &Slot, forth: bool) -> &[usize] {
    match forth {
        true => &slot.before,
        false => &slot.after,
    }
}

fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_u32, 0.0), |(n, sum), value| (n + 1, sum + value));
    (count > 0).then(|| sum / f64::from(count))
}

/// Gives each place its height in the drawing, and returns that of the whole.
fn place(slots: &mut [Slot], order: &[Vec<usize>]) -> f64 {
    for column in order {
        let all: f64 = column.iter().map(|at| slots[*at].height + GAP_Y).sum();
        let mut y = -all / 2.0;
        for at in column {
            slots[*at].y = y + slots[*at].height / 2.0;
            y += slots[*at].height + GAP_Y;
        }
    }
    for sweep in 0..SWEEPS {
        let forth = sweep % 2 == 0;
        for step in 0..order.len() {
            let column = &order[if forth { step } else { order.len() - 1 - step }];
            let wanted: Vec<f64> = column
                .iter()
                .map(|at| {
                    let near = neighbours(&slots[*at], forth).iter();
                    mean(near.map(|other| slots[*other].y)).unwrap_or(slots[*at].y)
                })
                .collect();
            settle(slots, column, &wanted);
        }
    }
    let top = |slot: &Slot| slot.y - slot.height / 2.0;
    let least = slots.iter().map(top).fold(f64::INFINITY, f64::min);
    let least = if least.is_finite() { least } else { 0.0 };
    for slot in slots.iter_mut() {
        slot.y -= least;
    }
    let bottom = slots.iter().map(|slot| slot.y + slot.height / 2.0);
    bottom.fold(0.0, f64::max)
}

/// Puts the places of a column as near as can be to where they are wanted, in their order and
/// with the gaps between them: places that push each other share what they want.
fn settle(slots: &mut [Slot], column: &[usize], wanted: &[f64]) {
    // Where each would stand if the ones before it took no room.
    let mut offset = 0.0;
    let mut offsets = Vec::with_capacity(column.len());
    // The blocks so far: how many places, and the sum of what they want.
    let mut blocks: Vec<(u32, f64)> = Vec::new();
    for (at, want) in column.iter().zip(wanted) {
        let half = slots[*at].height / 2.0;
        offset += half;
        offsets.push(offset);
        blocks.push((1, want - offset));
        offset += half + GAP_Y;
        while let [.., (n, a), (m, b)] = blocks[..]
            && a / f64::from(n) > b / f64::from(m)
        {
            blocks.truncate(blocks.len() - 2);
            blocks.push((n + m, a + b));
        }
    }
    let mut at = 0;
    for (count, sum) in blocks {
        for _ in 0..count {
            slots[column[at]].y = sum / f64::from(count) + offsets[at];
            at += 1;
        }
    }
}

/// Where each column starts, and how wide it is. Where many lines pass between two columns, they
/// stand further apart.
fn starts(sizes: &[Size], columns: &[usize], slots: &[Slot], count: usize) -> Vec<(f64, f64)> {
    let mut widths = vec![0.0_f64; count];
    for (size, column) in sizes.iter().zip(columns) {
        widths[*column] = widths[*column].max(size.width);
    }
    let mut lines = vec![0.0_f64; count];
    for slot in slots {
        lines[slot.column] += number(slot.after.len());
    }
    let mut x = 0.0;
    widths
        .into_iter()
        .zip(lines)
        .map(|(width, lines)| {
            let start = x;
            x += width + GAP_X + (2.0 * lines).min(GAP_X);
            (start, width)
        })
        .collect()
}

/// Says for each line how far from the middle of its boxes it begins and ends: side by side, in
/// the order of where they go.
fn ports(paths: &[Vec<usize>], slots: &[Slot], boxes: usize) -> Vec<(f64, f64)> {
    let mut ports = vec![(0.0, 0.0); paths.len()];
    for leaving in [true, false] {
        let mut at_box: Vec<Vec<usize>> = vec![Vec::new(); boxes];
        let ends = |path: &Vec<usize>| match (leaving, path.as_slice()) {
            (true, [own, next, ..]) | (false, [.., next, own]) => (*own, *next),
            _ => (0, 0),
        };
        for (line, path) in paths.iter().enumerate() {
            at_box[ends(path).0].push(line);
        }
        for (slot, lines) in slots.iter().zip(&mut at_box) {
            let far = |line: &usize| slots[ends(&paths[*line]).1].y;
            lines.sort_by(|a, b| far(a).total_cmp(&far(b)));
            let room = (slot.height - 14.0).max(0.0);
            let step = (room / number(lines.len().max(2) - 1)).min(PORT);
            let middle = number(lines.len().max(1) - 1) / 2.0;
            for (place, line) in lines.iter().enumerate() {
                let offset = (number(place) - middle) * step;
                match leaving {
                    true => ports[*line].0 = offset,
                    false => ports[*line].1 = offset,
                }
            }
        }
    }
    ports
}

fn points(
    path: &[usize],
    (leaves, enters): (f64, f64),
    slots: &[Slot],
    starts: &[(f64, f64)],
) -> Vec<Point> {
    let mut points = Vec::new();
    for (step, at) in path.iter().enumerate() {
        let y = slots[*at].y;
        let (start, width) = starts[slots[*at].column];
        let (start, end) = (start, start + width);
        if step == 0 {
            let y = y + leaves;
            points.push(Point { x: end, y });
        } else if step + 1 == path.len() {
            let y = y + enters;
            points.push(Point { x: start, y });
        } else {
            // Straight through the whole column, so that it crosses no box of it.
            points.push(Point { x: start, y });
            points.push(Point { x: end, y });
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOX: Size = Size {
        width: 100.0,
        height: 30.0,
    };

    #[test]
    fn a_job_stands_right_of_all_that_it_waits_for() {
        let lines = [(0, 1), (1, 2), (0, 2), (3, 2)];
        let laid = layout(&[BOX; 4], &lines);
        for (from, to) in lines {
            assert!(laid.boxes[from].x + BOX.width < laid.boxes[to].x);
        }
        // The long line goes past the box in the middle.
        assert_eq!(laid.lines[2].len(), 4);
    }

    #[test]
    fn two_crossed_lines_are_untangled() {
        let laid = layout(&[BOX; 4], &[(0, 3), (1, 2)]);
        assert!(laid.boxes[3].y < laid.boxes[2].y);
    }

    #[test]
    fn a_circle_is_drawn_too() {
        let laid = layout(&[BOX; 2], &[(0, 1), (1, 0)]);
        assert_eq!(laid.lines.len(), 2);
    }

    #[test]
    fn crossings_are_counted() {
        assert_eq!(inversions(&mut [1, 2, 3]), 0);
        assert_eq!(inversions(&mut [3, 2, 1, 1]), 5);
    }

    proptest! {
        #[test]
        fn no_line_runs_through_a_box(lines in proptest::collection::vec((0_usize..12, 0_usize..12), 0..40)) {
            let lines: Vec<(usize, usize)> = lines.into_iter().filter(|(a, b)| a < b).collect();
            let laid = layout(&[BOX; 12], &lines);
            for ((from, to), points) in lines.iter().zip(&laid.lines) {
                for pair in points.windows(2) {
                    for (at, corner) in laid.boxes.iter().enumerate() {
                        let beside = pair[1].x <= corner.x || corner.x + laid.widths[at] <= pair[0].x;
                        let (low, high) = (pair[0].y.min(pair[1].y), pair[0].y.max(pair[1].y));
                        let past = high < corner.y || corner.y + BOX.height < low;
                        prop_assert!(beside || past || at == *from || at == *to, "{pair:?} {corner:?}");
                    }
                }
            }
        }

        #[test]
        fn boxes_never_overlap(lines in proptest::collection::vec((0_usize..12, 0_usize..12), 0..40)) {
            let lines: Vec<(usize, usize)> = lines.into_iter().filter(|(a, b)| a < b).collect();
            let laid = layout(&[BOX; 12], &lines);
            for (at, a) in laid.boxes.iter().enumerate() {
                prop_assert!(a.x >= 0.0 && a.y >= 0.0);
                prop_assert!(a.x + BOX.width <= laid.width + 0.01 && a.y + BOX.height <= laid.height + 0.01);
                for b in &laid.boxes[at + 1..] {
                    let apart = (a.x - b.x).abs() >= BOX.width || (a.y - b.y).abs() >= BOX.height;
                    prop_assert!(apart, "{a:?} {b:?}");
                }
            }
        }
    }
}
