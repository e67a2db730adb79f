//! Drawing: SVG that a page holds, with names beside it as text.

use plotters::coord::Shift;
use plotters::prelude::{
    ChartBuilder, DrawingArea, IntoDrawingArea as _, LineSeries, RGBColor, Rectangle, SVGBackend,
    Text as Label,
};
use plotters::style::{Color as _, IntoFont as _};

use super::super::text::Text;
use super::data::Data;
use crate::period::Grain;

/// Units of a drawing, which the page scales.
const WIDTH: u32 = 960;
const HEIGHT: u32 = 320;

/// Periods up to which each is a column; more are a line.
const COLUMNS_MAX: usize = 120;

/// Periods up to which there is a line.
const PERIODS_MAX: i64 = 20_000;

/// Characters of a name beside a bar.
const NAME_CHARS_MAX: usize = 32;

/// Told apart by people who do not see all colours, on light and on dark paper (Paul Tol, "bright").
const COLOURS: [RGBColor; 8] = [
    RGBColor(0x44, 0x77, 0xaa),
    RGBColor(0xee, 0x66, 0x77),
    RGBColor(0x22, 0x88, 0x33),
    RGBColor(0xcc, 0xbb, 0x44),
    RGBColor(0x66, 0xcc, 0xee),
    RGBColor(0xaa, 0x33, 0x77),
    RGBColor(0xdd, 0x88, 0x33),
    RGBColor(0x99, 0x99, 0x99),
];

/// Grey that is seen on both.
const AXIS: RGBColor = RGBColor(0x88, 0x88, 0x88);

/// Why nothing was drawn: the drawing goes into memory, which cannot fail.
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Columns that stand on each other, or lines where they would be too thin.
pub(super) fn over_time(title: &str, data: &Data, grain: Grain, text: &mut Text) {
    let (Some(first), Some(last)) = (data.labels.keys().next(), data.labels.keys().next_back()) else {
        return;
    };
    if last - first > PERIODS_MAX {
        return;
    }
    let periods = first..=last;
    let is_columns = usize::try_from(last - first).is_ok_and(|count| count < COLUMNS_MAX);
    let sum = |period: &i64| data.series.iter().filter_map(|(_, numbers)| numbers.get(period)).sum::<f64>();
    let each = data.series.iter().flat_map(|(_, numbers)| numbers.values().copied());
    let top =
        if is_columns { data.labels.keys().map(sum).fold(1.0, f64::max) } else { each.fold(1.0, f64::max) };
    let svg = drawing((WIDTH, HEIGHT), |area| {
        #[expect(clippy::cast_precision_loss, reason = "periods are few")]
        let (left, right) = (**periods.start() as f64 - 0.5, **periods.end() as f64 + 0.5);
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .margin_right(40)
            .x_label_area_size(28)
            .y_label_area_size(64)
            .build_cartesian_2d(left..right, 0.0..top * 1.05)?;
        let name = |position: &f64| name_of(data, *position, grain);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(8)
            .y_labels(6)
            .x_label_formatter(&name)
            .y_label_formatter(&|number| short(*number))
            .axis_style(AXIS)
            .bold_line_style(AXIS.mix(0.3))
            .light_line_style(AXIS.mix(0.0))
            .label_style(("sans-serif", 12).into_font().color(&AXIS))
            .draw()?;
        let mut below: std::collections::BTreeMap<i64, f64> = std::collections::BTreeMap::new();
        for (index, (_, numbers)) in data.series.iter().enumerate() {
            let colour = colour(index);
            if is_columns {
                let columns = numbers.iter().map(|(period, number)| {
                    let bottom = below.entry(*period).or_default();
                    let from = *bottom;
                    *bottom += number;
                    #[expect(clippy::cast_precision_loss, reason = "periods are few")]
                    let middle = *period as f64;
                    Rectangle::new([(middle - 0.4, from), (middle + 0.4, *bottom)], colour.filled())
                });
                let columns: Vec<_> = columns.collect();
                chart.draw_series(columns)?;
            } else {
                #[expect(clippy::cast_precision_loss, reason = "periods are few")]
                let points = (**periods.start()..=**periods.end())
                    .map(|period| (period as f64, numbers.get(&period).copied().unwrap_or(0.0)));
                chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
            }
        }
        Ok(())
    });
    figure(title, svg, Some(data), text);
}

/// A bar for each name, the longest first.
pub(super) fn bars(title: &str, data: &Data, text: &mut Text) {
    let numbers: Vec<(&str, f64)> =
        data.series.iter().map(|(name, numbers)| (name.as_str(), numbers.values().sum())).collect();
    let top = numbers.iter().map(|(_, number)| *number).fold(1.0, f64::max);
    let rows = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
    let (row, names, ends) = (22, 240, 72);
    let svg = drawing((WIDTH, rows.saturating_mul(row).saturating_add(8)), |area| {
        let style = ("sans-serif", 13).into_font().color(&AXIS);
        for (index, (name, number)) in (0_i32..).zip(&numbers) {
            let y = index * row.cast_signed() + 4;
            let space = f64::from(WIDTH.cast_signed() - names - ends);
            #[expect(clippy::cast_possible_truncation, reason = "within the drawing")]
            let end = names + (number / top * space).round() as i32;
            area.draw(&Rectangle::new([(names, y), (end.max(names + 1), y + 16)], COLOURS[0].filled()))?;
            area.draw(&Label::new(cut(name), (0, y + 2), style.clone()))?;
            area.draw(&Label::new(short(*number), (end + 6, y + 2), style.clone()))?;
        }
        Ok(())
    });
    figure(title, svg, None, text);
}

fn drawing(
    size: (u32, u32),
    draw: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> Drawn,
) -> Option<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        draw(&area).ok()?;
        area.present().ok()?;
    }
    Some(svg)
}

/// The drawing with its title and, for several series, their names by colour.
fn figure(title: &str, svg: Option<String>, series: Option<&Data>, text: &mut Text) {
    let Some(svg) = svg else { return };
    text.markup("<figure role=\"group\">\n");
    text.element("figcaption", title);
    text.markup("<div role=\"img\" aria-label=\"");
    text.plain(&format!("Chart: {title}. The table below has its numbers."));
    text.markup("\">\n");
    text.markup(&svg);
    text.markup("</div>\n");
    if let Some(data) = series.filter(|data| data.series.len() > 1) {
        text.markup("<ul>\n");
        for (index, (name, _)) in data.series.iter().enumerate() {
            let RGBColor(red, green, blue) = colour(index);
            text.markup(&format!("<li><i style=\"background:#{red:02x}{green:02x}{blue:02x}\"></i>"));
            text.plain(if name.is_empty() { "(none)" } else { name });
            text.markup("</li>\n");
        }
        text.markup("</ul>\n");
    }
    text.markup("</figure>\n");
}

fn colour(index: usize) -> RGBColor {
    COLOURS[index.min(COLOURS.len() - 1)]
}

/// What a place on the axis is called; nothing between two periods.
fn name_of(data: &Data, position: f64, grain: Grain) -> String {
    if (position - position.round()).abs() > 1e-6 {
        return String::new();
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole number of periods")]
    let name = data.labels.get(&(position.round() as i64));
    let name = name.map_or("", String::as_str);
    match grain {
        // The day and the time, without the year and the offset.
        Grain::QuarterHour | Grain::Hour => {
            name.get(5..16).map_or_else(|| name.to_owned(), |name| name.replace('T', " "))
        }
        _ => name.to_owned(),
    }
}

/// A number in few signs.
fn short(number: f64) -> String {
    let (number, unit) = match number {
        number if number >= 1e9 => (number / 1e9, " bn"),
        number if number >= 1e6 => (number / 1e6, " m"),
        number if number >= 1e4 => (number / 1e3, " k"),
        number => (number, ""),
    };
    let digits = usize::from(number < 100.0 && number.fract() != 0.0);
    format!("{number:.digits$}{unit}")
}

fn cut(name: &str) -> String {
    let name = if name.is_empty() { "(none)" } else { name };
    let mut letters = name.chars();
    let start: String = letters.by_ref().take(NAME_CHARS_MAX).collect();
    if letters.next().is_some() { format!("{start}…") } else { start }
}
