//! Columns that line up, whatever script the words are in.

use console::{Alignment, measure_text_width, pad_str};

use super::exit::Failure;
use super::print::Out;

/// Between two columns.
const GAP: &str = "  ";

/// On which side the cells of a column lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Left,
    Right,
}

/// Rows of the same number of cells. The last column is as wide as it likes.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<(Column, usize)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(super) fn new(columns: &[Column]) -> Self {
        Self { columns: columns.iter().map(|column| (*column, 0)).collect(), rows: Vec::new() }
    }

    /// One more row. Its cells have nothing in them that steers a terminal.
    pub(super) fn row(&mut self, cells: impl Into<Vec<String>>) {
        let cells = cells.into();
        for ((_, width), cell) in self.columns.iter_mut().zip(&cells) {
            *width = (*width).max(measure_text_width(cell));
        }
        self.rows.push(cells);
    }

    /// How wide it is up to its last column, in columns of a terminal.
    pub(super) fn width_but_last(&self) -> usize {
        let before = self.columns.len().saturating_sub(1);
        self.columns.iter().take(before).map(|(_, width)| width + GAP.len()).sum()
    }

    /// Its lines, one for each row.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        self.rows.iter().map(|row| {
            let last = row.len().saturating_sub(1);
            let cells =
                row.iter().zip(&self.columns).enumerate().map(
                    |(index, (cell, (column, width)))| match column {
                        Column::Left if index == last => cell.clone(),
                        Column::Left => pad_str(cell, *width, Alignment::Left, None).into_owned(),
                        Column::Right => pad_str(cell, *width, Alignment::Right, None).into_owned(),
                    },
                );
            cells.collect::<Vec<_>>().join(GAP)
        })
    }

    /// Prints all of it.
    pub(super) fn print(&self, out: &mut Out<'_>) -> Result<(), Failure> {
        self.lines().try_for_each(|line| out.line(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_letters_take_two_columns_and_nothing_trails() {
        let mut table = Table::new(&[Column::Left, Column::Right, Column::Left]);
        table.row(["漢字", "1", "x"].map(String::from));
        table.row(["a", "100", "longer"].map(String::from));
        assert_eq!(table.lines().collect::<Vec<_>>(), ["漢字    1  x", "a     100  longer"]);
    }
}
