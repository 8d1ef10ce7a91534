//! `vicinity axes`.

use serde::Serialize;
use serde_json::Value;

use super::args::{AxesArgs, GlobalArgs};
use super::hits::{ItemFields, location};
use super::outcome::Outcome;
use super::output::{print_error, print_json, print_line};
use super::session::Session;
use vicinity_core::format::number;
use vicinity_core::{Axis, Item};
use vicinity_engine::{Event, Job, map_tables};

/// Width of a printed value.
const WIDTH: usize = 20;

#[derive(Serialize)]
struct PlacedItem<'a> {
    #[serde(flatten)]
    item: ItemFields<'a>,
    x: Value,
    y: Value,
}

/// Prints the items with their values on both axes.
pub fn run(args: &AxesArgs, global: &GlobalArgs) -> anyhow::Result<Outcome> {
    let session = Session::open_truncated(global, args.truncation)?;
    if let Some(table) = &args.csv {
        map_tables::check(table)?;
        session.check_outputs(&[table])?;
    }
    if session.is_empty() {
        return Ok(Outcome::Nothing);
    }
    let answer = |event| if let Event::AxesDone { result, .. } = event { Some(result) } else { None };
    let job = Job::PlaceOnAxes { ticket: 0, axes: [args.x.clone(), args.y.clone()] };
    let placed = session.ask(job, answer)?.map_err(|error| anyhow::anyhow!("{error}"))?;
    let snapshot = session.engine.snapshot();
    match &args.csv {
        Some(table) => map_tables::write_axes(&snapshot, &placed.axes, table)?,
        None => snapshot.items().enumerate().try_for_each(|(row, item)| print(item, &placed.axes, row, args.json))?,
    }
    for axis in &placed.axes {
        let missing = axis.missing as u64;
        if missing > 0 {
            let of = number(axis.values.len() as u64);
            print_error(&format!("{} of {of} items have no value for `{}`", number(missing), axis.source));
        }
    }
    Ok(Outcome::Done)
}

fn print(item: &Item, axes: &[Axis; 2], row: usize, json: bool) -> anyhow::Result<()> {
    if json {
        let [x, y] = [0, 1].map(|at| value(&axes[at], row));
        return print_json(&PlacedItem { item: ItemFields::new(item, None), x, y });
    }
    let [x, y] = [0, 1].map(|at| shown(&axes[at], row));
    Ok(print_line(&format!("{x:>WIDTH$} {y:>WIDTH$}  {}", location(item)))?)
}

/// A number, a date as text, or null.
fn value(axis: &Axis, row: usize) -> Value {
    match axis.values.get(row) {
        Some(value) if !axis.is_date => serde_json::Number::from_f64(*value).map_or(Value::Null, Value::Number),
        _ => axis.text(row).map_or(Value::Null, Value::String),
    }
}

fn shown(axis: &Axis, row: usize) -> String {
    let text = match axis.values.get(row) {
        Some(value) if !axis.is_date && value.is_finite() && value.fract() != 0.0 => Some(format!("{value:.4}")),
        _ => axis.text(row),
    };
    text.unwrap_or_else(|| "-".to_owned())
}
