//! `vicinity clusters`.

use serde::Serialize;

use super::args::{ClustersArgs, GlobalArgs};
use super::map;
use super::outcome::Outcome;
use super::output::{JsonPath, print_json, print_line};
use super::session::Session;
use vicinity_core::format::number;
use vicinity_core::{Cluster, Clusters};
use vicinity_engine::{Snapshot, map_tables};

#[derive(Serialize)]
struct ClusterLine<'a> {
    cluster: usize,
    /// The cluster that it is a part of.
    parent: Option<u32>,
    level: u8,
    names: Vec<&'a str>,
    /// Whether the first of its names is the user's.
    named_by_user: bool,
    items: u32,
    x: f32,
    y: f32,
    typical: JsonPath,
}

/// Prints the clusters of the map.
pub fn run(args: &ClustersArgs, global: &GlobalArgs) -> anyhow::Result<Outcome> {
    let session = Session::open_truncated(global, args.truncation)?;
    if let Some(items) = &args.items {
        map_tables::check(items)?;
        session.check_outputs(&[items])?;
    }
    if session.is_empty() {
        return Ok(Outcome::Nothing);
    }
    let (session, layout) = map::with_layout(session, false, global)?;
    let clusters = map::clusters(&session, layout)?;
    let snapshot = session.engine.snapshot();
    if let Some(items) = &args.items {
        map_tables::write_clusters(&snapshot, &clusters, items)?;
    }
    if args.json {
        for (at, cluster) in clusters.all.iter().enumerate() {
            print_json(&line(at, cluster, &snapshot))?;
        }
    } else {
        tree(&clusters).iter().try_for_each(|line| print_line(line))?;
    }
    Ok(if clusters.all.is_empty() { Outcome::Nothing } else { Outcome::Done })
}

fn line<'a>(at: usize, cluster: &'a Cluster, snapshot: &Snapshot) -> ClusterLine<'a> {
    let typical = snapshot.get(cluster.typical).map(|item| JsonPath::from(&*item.path));
    ClusterLine {
        cluster: at,
        parent: cluster.parent,
        level: cluster.levels.0,
        names: cluster.all_names().collect(),
        named_by_user: cluster.given.is_some(),
        items: cluster.count,
        x: cluster.centre.x,
        y: cluster.centre.y,
        typical: typical.unwrap_or_else(|| JsonPath::from(std::path::Path::new(""))),
    }
}

/// All clusters, the largest first and each above its parts.
fn tree(clusters: &Clusters) -> Vec<String> {
    let mut parts: Vec<Vec<usize>> = vec![Vec::new(); clusters.all.len()];
    let mut top = Vec::new();
    for (at, cluster) in clusters.all.iter().enumerate() {
        match cluster.parent {
            Some(parent) => parts[parent as usize].push(at),
            None => top.push(at),
        }
    }
    let by_count = |list: &mut Vec<usize>| list.sort_by_key(|at| std::cmp::Reverse(clusters.all[*at].count));
    by_count(&mut top);
    parts.iter_mut().for_each(by_count);
    let mut lines = Vec::new();
    let mut waiting: Vec<(usize, usize)> = top.iter().rev().map(|at| (0, *at)).collect();
    while let Some((depth, at)) = waiting.pop() {
        let cluster = &clusters.all[at];
        let names: Vec<&str> = cluster.all_names().collect();
        let name = if names.is_empty() { "(no name)".to_owned() } else { names.join(" / ") };
        let mark = if cluster.given.is_some() { " (your name)" } else { "" };
        lines.push(format!("{:>9}  {}{name}{mark}", number(u64::from(cluster.count)), "  ".repeat(depth)));
        waiting.extend(parts[at].iter().rev().map(|part| (depth + 1, *part)));
    }
    lines
}
