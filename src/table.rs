//! A table for the terminal: aligned columns, numbers to the right.

use std::fmt;

/// A table for the terminal. Its `Display` ends each row with a line feed.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

/// Between two columns.
const GAP: &str = "  ";

/// A cell without a value.
pub(crate) const NONE: &str = "-";

impl Table {
    /// A table with these names of columns and no rows.
    pub(crate) fn new(names: &[&str]) -> Self {
        Self { rows: vec![names.iter().map(|name| (*name).to_owned()).collect()] }
    }

    /// Adds a row, with a cell for each column.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    fn width(&self, column: usize) -> usize {
        self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    }

    fn is_numeric(&self, column: usize) -> bool {
        self.rows.iter().skip(1).all(|row| row[column] == NONE || row[column].parse::<i64>().is_ok())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<(usize, bool)> =
            (0..self.rows[0].len()).map(|column| (self.width(column), self.is_numeric(column))).collect();
        for row in &self.rows {
            let cells: Vec<String> = row
                .iter()
                .zip(&columns)
                .map(
                    |(cell, &(width, numeric))| {
                        if numeric { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
                    },
                )
                .collect();
            writeln!(formatter, "{}", cells.join(GAP).trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right_and_texts_to_the_left() {
        let mut table = Table::new(&["topic", "lag", "why"]);
        table.row(vec!["auth".into(), "12345".into(), "slow".into()]);
        table.row(vec!["ä".into(), NONE.into(), String::new()]);
        assert_eq!(table.to_string(), "topic    lag  why\nauth   12345  slow\nä          -\n");
    }
}
