//! The picture of a run: who went when, and how close both limits came to what the plan allows.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::jobs::Priority;
use crate::report::Report;
use crate::run::{Fate, Held};

const SIZE: (u32, u32) = (1_200, 900);
const INK: RGBColor = RGBColor(40, 44, 52);
const FAINT: RGBColor = RGBColor(225, 228, 232);
const LIMIT: RGBColor = RGBColor(200, 30, 45);
const SERVER: RGBColor = RGBColor(70, 130, 190);
const CLIENT: RGBColor = RGBColor(225, 130, 20);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// A count that changes: from when on, and its value.
type Steps = Vec<(f64, f64)>;

/// Draws the report into an SVG file.
pub(crate) fn draw(report: &Report, path: &Path) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (plan, books, run) = (report.plan, &report.books, &report.run);
    let title = format!(
        "{} jobs, {} requests, plan \"{}\": {} violations in {:.1} virtual minutes",
        report.jobs,
        run.requests.len(),
        plan.name,
        books.violations(),
        minutes(run.end.as_micros())
    );
    root.draw(&Text::new(title, (24, 14), ("sans-serif", 24).into_font().color(&INK)))?;
    let (_, below) = root.split_vertically(44);
    let (jobs, below) = below.split_vertically(420);
    let (key, below) = below.split_vertically(26);
    let (window, slots) = below.split_vertically(206);

    draw_jobs(report, &jobs)?;
    draw_key(&key)?;

    let ours = run.requests.iter().map(|sent| (sent.sent.as_micros(), sent.answered.as_micros() + MINUTE));
    let theirs = books.arrivals.iter().map(|arrival| (*arrival, *arrival + MINUTE));
    let caption =
        "Requests in the last 60 s: the client counts each from before it is sent until 60 s after its answer";
    let axis = Axis { caption, unit: "requests", limit: plan.per_minute, time: false, stroke: 2 };
    draw_counts(report, &window, &axis, &steps(ours), &steps(theirs))?;

    let ours = run.held.iter().map(|held| (held.from.as_micros(), held.to.as_micros()));
    let theirs = books.tasks.values().map(|task| (task.start, task.end));
    let caption = "Slots: taken before the request is sent, closed after the server said that the task has ended";
    let axis = Axis { caption, unit: "tasks", limit: plan.concurrent, time: true, stroke: 1 };
    draw_counts(report, &slots, &axis, &steps(ours), &steps(theirs))?;
    root.present()?;
    Ok(())
}

const MINUTE: u64 = 60_000_000;

#[expect(clippy::cast_precision_loss, reason = "a pixel is a second wide")]
fn minutes(micros: u64) -> f64 {
    micros as f64 / 60e6
}

fn lane_of(index: usize) -> f64 {
    f64::from(u32::try_from(index).unwrap_or(u32::MAX))
}

const fn colour(priority: Priority) -> RGBColor {
    match priority {
        Priority::High => RGBColor(120, 60, 160),
        Priority::Normal => RGBColor(40, 140, 130),
        Priority::Low => RGBColor(150, 160, 175),
    }
}

/// One lane a job, in the order in which they were first sent; a bar for the time in which it has a slot.
fn draw_jobs(report: &Report, area: &Area<'_>) -> Result<(), Box<dyn Error>> {
    let mut held: Vec<&Held> = report.run.held.iter().collect();
    held.sort_by_key(|held| held.from);
    let mut lanes = HashMap::new();
    for held in &held {
        let next = lanes.len();
        lanes.entry(held.job).or_insert(next);
    }
    let end = minutes(report.run.end.as_micros());
    let lowest = lane_of(lanes.len().max(8));
    let mut chart = ChartBuilder::on(area)
        .caption(
            "Jobs: one line each, from the request until the video is made; high priority first",
            ("sans-serif", 16),
        )
        .margin_left(14)
        .margin_right(24)
        .x_label_area_size(24)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..end, lowest..-1.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(FAINT)
        .axis_style(INK)
        .x_labels(14)
        .x_label_formatter(&|minute| format!("{minute:.0}"))
        .y_labels(8)
        .y_label_formatter(&|lane| format!("{lane:.0}"))
        .y_desc("jobs sent so far")
        .label_style(("sans-serif", 13))
        .draw()?;

    let key = |(x, y)| Rectangle::new([(x, y - 4), (x + 18, y + 4)], FAINT.filled());
    if report.resumed {
        let before = Rectangle::new([(0.0, lowest), (minutes(report.run.begin.as_micros()), -1.0)], FAINT.filled());
        chart.draw_series([before])?.label("before this start").legend(key);
    }
    let closed = report.run.closed.iter().map(|(from, to)| {
        let (from, to) = (minutes(from.as_micros()), minutes(to.as_micros()));
        Rectangle::new([(from, lowest), (to.min(end), -1.0)], LIMIT.mix(0.18).filled())
    });
    let key = |(x, y)| Rectangle::new([(x, y - 4), (x + 18, y + 4)], LIMIT.mix(0.18).filled());
    chart.draw_series(closed)?.label("nothing sent: the server said so").legend(key);
    for priority in Priority::ALL {
        let bars = held.iter().filter(|held| held.priority == priority).map(|held| {
            let (lane, style) = (lane_of(lanes[&held.job]), colour(priority).filled());
            let (from, to) = (minutes(held.from.as_micros()), minutes(held.to.as_micros()));
            Rectangle::new([(from, lane - 0.42), (to, lane + 0.42)], style)
        });
        let key = move |(x, y)| Rectangle::new([(x, y - 4), (x + 18, y + 4)], colour(priority).filled());
        chart.draw_series(bars)?.label(format!("{} priority", priority.name())).legend(key);
    }
    let marks = [
        (Fate::Throttled, "refused: too fast, or too many tasks", LIMIT),
        (Fate::Unclear, "5xx: started or not? sent again by its name", CLIENT),
        (Fate::Final, "refused for good", BLACK),
    ];
    for (fate, name, colour) in marks {
        let sent = report.run.requests.iter().filter(|sent| sent.fate() == fate);
        let points =
            sent.filter_map(|sent| Some((minutes(sent.answered.as_micros()), lane_of(*lanes.get(&sent.job)?))));
        let drawn = chart.draw_series(points.map(|point| TriangleMarker::new(point, 6, colour.filled())))?;
        drawn.label(name).legend(move |(x, y)| TriangleMarker::new((x + 9, y), 6, colour.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.9))
        .border_style(FAINT)
        .label_font(("sans-serif", 14))
        .draw()?;
    Ok(())
}

/// What the colours of the two lower panels mean, in one row.
fn draw_key(area: &Area<'_>) -> Result<(), Box<dyn Error>> {
    let text = |words, x| Text::new(words, (x, 5), ("sans-serif", 14).into_font().color(&INK));
    area.draw(&Rectangle::new([(350, 8), (372, 18)], SERVER.mix(0.35).filled()))?;
    area.draw(&text("server's books", 380))?;
    area.draw(&PathElement::new([(520, 13), (542, 13)], CLIENT.stroke_width(2)))?;
    area.draw(&text("client's limiter, holds included", 550))?;
    for x in [790, 803] {
        area.draw(&PathElement::new([(x, 13), (x + 8, 13)], LIMIT.stroke_width(2)))?;
    }
    area.draw(&text("limit of the plan", 820))?;
    Ok(())
}

struct Axis {
    caption: &'static str,
    unit: &'static str,
    limit: u32,
    /// Whether the name of the time axis stands below.
    time: bool,
    stroke: u32,
}

/// A count over time, as the client and as the server sees it, and its limit.
fn draw_counts(
    report: &Report,
    area: &Area<'_>,
    axis: &Axis,
    ours: &Steps,
    theirs: &Steps,
) -> Result<(), Box<dyn Error>> {
    let (end, limit) = (minutes(report.run.end.as_micros()), f64::from(axis.limit));
    let top = ours.iter().chain(theirs).map(|step| step.1).fold(limit, f64::max) * 1.12;
    let mut chart = ChartBuilder::on(area)
        .caption(axis.caption, ("sans-serif", 16))
        .margin_left(14)
        .margin_right(24)
        .x_label_area_size(if axis.time { 40 } else { 24 })
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..end, 0.0..top)?;
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(TRANSPARENT).bold_line_style(FAINT).axis_style(INK);
    if axis.time {
        mesh.x_desc("virtual time since the start, minutes");
    }
    mesh.x_labels(14)
        .x_label_formatter(&|minute| format!("{minute:.0}"))
        .y_labels(if axis.limit < 8 { axis.limit as usize + 1 } else { 6 })
        .y_label_formatter(&|count| format!("{count:.0}"))
        .y_desc(axis.unit)
        .label_style(("sans-serif", 13))
        .draw()?;

    // One shape, not a bar for each step: between bars that touch, many viewers show a seam.
    let area = theirs.windows(2).flat_map(|pair| [pair[0], (pair[1].0, pair[0].1)]);
    let area = area.chain(theirs.last().copied()).map(|(at, count)| (at.min(end), count));
    let area = area.chain([(end, 0.0), (0.0, 0.0)]).collect::<Vec<_>>();
    chart.draw_series([Polygon::new(area, SERVER.mix(0.35).filled())])?;
    let corners = ours.windows(2).flat_map(|pair| [pair[0], (pair[1].0.min(end), pair[0].1)]);
    let line = corners.take_while(|corner| corner.0 <= end).collect::<Vec<_>>();
    chart.draw_series(LineSeries::new(line, CLIENT.stroke_width(axis.stroke)))?;
    chart.draw_series(DashedLineSeries::new([(0.0, limit), (end, limit)], 8, 5, LIMIT.stroke_width(2)))?;
    Ok(())
}

/// How many of these spans there are at once: one more where one begins, one less where it ends.
fn steps(spans: impl Iterator<Item = (u64, u64)>) -> Steps {
    let mut changes: Vec<(u64, f64)> = spans.flat_map(|(from, to)| [(from, 1.0), (to, -1.0)]).collect();
    // Where one ends and another begins, the end comes first.
    changes.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut count = 0.0;
    let mut steps = vec![(0.0, 0.0)];
    for (at, change) in changes {
        count += change;
        steps.push((minutes(at), count));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_count_what_overlaps_and_touching_spans_do_not() {
        let at = |minute: u64| minute * MINUTE;
        let counted = steps([(at(1), at(3)), (at(2), at(4)), (at(3), at(5))].into_iter());
        let expected = [(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (3.0, 1.0), (3.0, 2.0), (4.0, 1.0), (5.0, 0.0)];
        assert_eq!(counted, expected);
    }
}
