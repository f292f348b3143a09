//! How cost grows with the number of signers, as a picture.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::Report;
use super::protocol::SETS;

/// Draws CPU and bytes of a signature over T, both on a logarithmic scale.
pub fn growth(report: &Report, file: &Path) -> Result<()> {
    let root = SVGBackend::new(file, (960, 420)).into_drawing_area();
    root.fill(&WHITE).map_err(odd)?;
    let (left, right) = root.split_horizontally(480);
    let series = |what: &str, of: &str| -> Vec<(f64, f64)> {
        let value = |(needed, parties)| report.get(&format!("protocol.{what}.p256.{needed}of{parties}.{of}"));
        SETS.iter().filter_map(|set| Some((f64::from(set.0), *value(*set)?))).collect()
    };
    let in_ms = |series: Vec<(f64, f64)>| series.into_iter().map(|(x, us)| (x, us / 1e3)).collect();
    let in_kb = |series: Vec<(f64, f64)>| series.into_iter().map(|(x, bytes)| (x, bytes / 1e3)).collect();
    chart(
        &left,
        "CPU of a P-256 signature, all signers (ms)",
        0.1..100.0,
        &[("whole", in_ms(series("sign", "cpu_us"))), ("online", in_ms(series("online", "cpu_us")))],
    )?;
    chart(
        &right,
        "Bytes between nodes for a signature (KB)",
        10.0..10_000.0,
        &[("whole", in_kb(series("sign", "bytes")))],
    )?;
    root.present().map_err(odd)
}

fn chart(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    title: &str,
    range: std::ops::Range<f64>,
    lines: &[(&str, Vec<(f64, f64)>)],
) -> Result<()> {
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 17))
        .margin(14)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(1.5..5.5, range.log_scale())
        .map_err(odd)?;
    chart
        .configure_mesh()
        .x_labels(5)
        .x_label_formatter(&|needed| match SETS.iter().find(|set| f64::from(set.0) == *needed) {
            Some((needed, parties)) => format!("{needed} of {parties}"),
            None => String::new(),
        })
        .label_style(("sans-serif", 13))
        .draw()
        .map_err(odd)?;
    for ((name, points), color) in lines.iter().zip([BLUE, RED]) {
        chart
            .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)).point_size(4))
            .map_err(odd)?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
        let values = points.iter().map(|(x, y)| {
            let text = if *y < 10.0 { format!("{y:.2}") } else { format!("{y:.0}") };
            Text::new(text, (*x + 0.06, *y), ("sans-serif", 12))
        });
        chart.draw_series(values).map_err(odd)?;
    }
    chart
        .configure_series_labels()
        .background_style(WHITE)
        .border_style(BLACK)
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(("sans-serif", 13))
        .draw()
        .map_err(odd)
}

/// The library's errors borrow the drawing.
fn odd(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("plot: {error}")
}
