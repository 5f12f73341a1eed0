//! Tables in text: no text from outside begins a line, also where a cell goes on in further lines.

use comfy_table::{Cell, ContentArrangement, Table};

use crate::text::Text;

/// What begins the first line of each row, which marks it off from the further ones.
const ROW: &str = ">";

/// A table without lines, as wide as a terminal or as it needs to be. Its first column is for the marks.
pub(super) fn new_table(width: Option<u16>) -> Table {
    let mut table = Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = width {
        table.set_width(width);
    }
    table
}

/// Adds a row. Its cells are escaped, because a newline in one would be a line of the table.
pub(super) fn add_row<C: Into<Cell>>(table: &mut Table, cells: impl IntoIterator<Item = C>) {
    let cells = cells.into_iter().map(Into::into);
    table.add_row(std::iter::once(Cell::new(ROW)).chain(cells));
}

/// Draws a table. The further lines of a row begin with `|`.
pub(super) fn draw_table(mut table: Table, text: &mut Text) {
    if let Some(marks) = table.column_mut(0) {
        marks.set_padding((0, 0));
    }
    for line in table.trim_fmt().lines() {
        let (mark, rest) = line.split_at_checked(1).unwrap_or((" ", line));
        let begin = if mark == ROW { " " } else { "|" };
        text.line(format_args!("{begin}{rest}"));
    }
}
