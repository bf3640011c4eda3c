use super::layout::{Cell, Line};
use crate::placed::PlacedText;

/// How far columns may be out of line, in points.
const ALIGNED: f64 = 4.0;

/// A table without rules that starts at line `at`: lines of two or more cells that stand under
/// each other. Gives its rows and the line after it.
pub(super) fn table(lines: &[Line], at: usize) -> Option<(Vec<Vec<PlacedText>>, usize)> {
    let first = lines.get(at).filter(|line| is_row(line))?;
    let mut columns: Vec<Cell> = first.cells.clone();
    let mut rows = vec![texts(first, &columns)?];
    let mut next = at + 1;
    let mut full_rows = 1;
    while let Some(line) = lines.get(next) {
        let step = line.y - lines[next - 1].y;
        if line.table.is_some() || step > line.size * 4.0 || has_leaders(line) {
            break;
        }
        if is_row(line) && aligned(line, &columns) >= 2 {
            widen(&mut columns, line);
            let Some(row) = texts(line, &columns) else { break };
            rows.push(row);
            full_rows += 1;
        } else if step < line.size * 1.6
            && line.cells.iter().all(|cell| column_of(cell, &columns).is_some_and(|column| column > 0))
        {
            // The second line of a cell.
            let row = rows.last_mut()?;
            for cell in &line.cells {
                let column = column_of(cell, &columns)?;
                row.resize(row.len().max(column + 1), PlacedText::default());
                row[column].append(" ", &cell.text);
            }
        } else {
            break;
        }
        next += 1;
    }
    let enough = full_rows >= 3 || (full_rows == 2 && columns.len() >= 3);
    for row in &mut rows {
        row.resize(columns.len(), PlacedText::default());
    }
    enough.then_some((rows, next))
}

fn is_row(line: &Line) -> bool {
    line.cells.len() >= 2 && line.table.is_none() && !has_leaders(line)
}

fn has_leaders(line: &Line) -> bool {
    line.cells.iter().any(|cell| cell.text.contains(".....") || cell.text.contains(". . . "))
}

fn column_of(cell: &Cell, columns: &[Cell]) -> Option<usize> {
    columns.iter().position(|column| {
        let starts = (cell.x0 - column.x0).abs() <= ALIGNED;
        let ends = (cell.x1 - column.x1).abs() <= ALIGNED;
        let middle = ((cell.x0 + cell.x1) - (column.x0 + column.x1)).abs() <= 2.0 * ALIGNED;
        starts || ends || middle
    })
}

fn aligned(line: &Line, columns: &[Cell]) -> usize {
    line.cells.iter().filter(|cell| column_of(cell, columns).is_some()).count()
}

/// Adds the columns that only a later row has.
fn widen(columns: &mut Vec<Cell>, line: &Line) {
    for cell in &line.cells {
        let free = columns.iter().all(|column| cell.x1 < column.x0 || cell.x0 > column.x1);
        if column_of(cell, columns).is_none() && free {
            let place = columns.partition_point(|column| column.x0 < cell.x0);
            if place == columns.len() {
                columns.push(cell.clone());
            }
        }
    }
}

/// The row's cells by column; cells that fit none go to the last column that starts before them.
fn texts(line: &Line, columns: &[Cell]) -> Option<Vec<PlacedText>> {
    let mut row = vec![PlacedText::default(); columns.len()];
    for cell in &line.cells {
        let nearest = columns.iter().rposition(|column| column.x0 <= cell.x0 + ALIGNED).unwrap_or(0);
        let column = column_of(cell, columns).unwrap_or(nearest);
        let text = row.get_mut(column)?;
        text.append(if text.is_empty() { "" } else { " " }, &cell.text);
    }
    Some(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(y: f64, cells: &[(&str, f64)]) -> Line {
        let cells = cells
            .iter()
            .map(|(text, x0)| Cell { text: (*text).into(), x0: *x0, x1: x0 + 5.0 * text.len() as f64 })
            .collect();
        Line { cells, y, size: 10.0, bold: false, table: None }
    }

    #[test]
    fn aligned_cells_are_rows_and_second_lines_join_theirs() {
        let lines = [
            line(10.0, &[("Part", 50.0), ("Torque", 150.0)]),
            line(22.0, &[("M8", 50.0), ("25 Nm", 150.0)]),
            line(34.0, &[("dry", 150.0)]),
            line(46.0, &[("M10", 50.0), ("49 Nm", 150.0)]),
            line(70.0, &[("A sentence that follows the table.", 50.0)]),
        ];
        let (rows, next) = table(&lines, 0).unwrap();
        assert_eq!(rows, [["Part", "Torque"], ["M8", "25 Nm dry"], ["M10", "49 Nm"]]);
        assert_eq!(next, 4);
        assert!(table(&lines, 3).is_none());
    }
}
