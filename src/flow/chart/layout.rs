//! Where the boxes of a drawing lie: columns by the longest way from the start, few crossings,
//! and the points through which each line goes. Sizes come in and places go out; what is drawn
//! there is not known here.
//!
//! The method is the usual one for layered drawings: a line that crosses columns gets a place in
//! each of them, and the columns are sorted by the middle of their neighbours, to and fro.

/// How often the columns are sorted, to and fro.
const SWEEPS: usize = 8;
/// Between two columns.
const GAP_X: f64 = 56.0;
/// Between two boxes of a column.
const GAP_Y: f64 = 18.0;
/// The height that a line takes where it passes a column.
const PASS: f64 = 10.0;
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
    let mut order = first_order(&slots);
    for sweep in 0..SWEEPS {
        sort(&mut slots, &mut order, sweep % 2 == 0);
    }
    let height = place(&mut slots, &order);
    let starts = starts(sizes, &columns, order.len());
    let boxes: Vec<Point> = sizes
        .iter()
        .enumerate()
        .map(|(at, size)| Point {
            x: starts.get(columns[at]).map_or(0.0, |(start, _)| *start),
            y: slots[at].y - size.height / 2.0,
        })
        .collect();
    let lines = paths
        .iter()
        .map(|path| points(path, &slots, sizes, &boxes, &starts))
        .collect();
    Layout {
        boxes,
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

/// Sorts each column by the middle of its neighbours on one side; a place without any stays where
/// it is.
fn sort(slots: &mut [Slot], order: &mut [Vec<usize>], forth: bool) {
    let mut rank = vec![0.0; slots.len()];
    let note = |column: &[usize], rank: &mut [f64]| {
        for (place, at) in (0_u32..).zip(column) {
            rank[*at] = f64::from(place);
        }
    };
    for column in order.iter() {
        note(column, &mut rank);
    }
    let count = order.len();
    for step in 0..count {
        let column = &mut order[if forth { step } else { count - 1 - step }];
        let mut keyed: Vec<(f64, usize)> = column
            .iter()
            .map(|at| {
                let near = match forth {
                    true => &slots[*at].before,
                    false => &slots[*at].after,
                };
                let middle = match u32::try_from(near.len()) {
                    Ok(0) | Err(_) => rank[*at],
                    Ok(n) => near.iter().map(|other| rank[*other]).sum::<f64>() / f64::from(n),
                };
                (middle, *at)
            })
            .collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
        *column = keyed.into_iter().map(|(_, at)| at).collect();
        note(column, &mut rank);
    }
}

/// Stacks the columns, each around the same middle, and returns the height of the highest.
fn place(slots: &mut [Slot], order: &[Vec<usize>]) -> f64 {
    let heights: Vec<f64> = order
        .iter()
        .map(|column| {
            let all: f64 = column.iter().map(|at| slots[*at].height + GAP_Y).sum();
            (all - GAP_Y).max(0.0)
        })
        .collect();
    let height = heights.iter().copied().fold(0.0, f64::max);
    for (column, own) in order.iter().zip(&heights) {
        let mut y = (height - own) / 2.0;
        for at in column {
            slots[*at].y = y + slots[*at].height / 2.0;
            y += slots[*at].height + GAP_Y;
        }
    }
    height
}

/// Where each column starts, and how wide it is.
fn starts(sizes: &[Size], columns: &[usize], count: usize) -> Vec<(f64, f64)> {
    let mut widths = vec![0.0_f64; count];
    for (size, column) in sizes.iter().zip(columns) {
        widths[*column] = widths[*column].max(size.width);
    }
    let mut x = 0.0;
    widths
        .into_iter()
        .map(|width| {
            let start = x;
            x += width + GAP_X;
            (start, width)
        })
        .collect()
}

fn points(
    path: &[usize],
    slots: &[Slot],
    sizes: &[Size],
    boxes: &[Point],
    starts: &[(f64, f64)],
) -> Vec<Point> {
    let mut points = Vec::new();
    for (step, at) in path.iter().enumerate() {
        let y = slots[*at].y;
        if step == 0 {
            let x = boxes[*at].x + sizes[*at].width;
            points.push(Point { x, y });
        } else if step + 1 == path.len() {
            points.push(Point { x: boxes[*at].x, y });
        } else {
            // Straight through the whole column, so that it crosses no box of it.
            let (start, width) = starts[slots[*at].column];
            points.push(Point { x: start, y });
            points.push(Point {
                x: start + width,
                y,
            });
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

    proptest! {
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
