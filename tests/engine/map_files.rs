//! A map taken along: names, pictures and legend in images and drawings, and the report that is one file.

use std::path::Path;
use std::sync::Arc;

use vicinity_core::{
    Cluster, Clusters, ContentHash, Item, ItemId, Layout, LayoutMethod, MapPos, Modality, Part, Picture,
};
use vicinity_engine::map_image::{self, ImageOptions, MapCategories, MapColouring, MapDrawing};
use vicinity_engine::map_report::{self, ReportOptions};
use vicinity_engine::{Snapshot, SnapshotParts, Vectors};
use vicinity_models::ModelKey;

/// Items of three clusters; the third has texts, whose words try to leave the page.
struct Map {
    snapshot: Snapshot,
    layout: Layout,
    clusters: Clusters,
}

const NAMES: [&str; 3] = ["dogs & cats", "ships", "</script><b>\"'"];

fn item(at: usize) -> Item {
    let is_text = at % 3 == 2;
    let path = format!("/home/anna/private/{at}.{}", if is_text { "csv" } else { "jpg" });
    Item {
        id: ItemId(at as u32),
        path: Path::new(&path).into(),
        part: is_text.then_some(Part::Row(at as u32)),
        modality: if is_text { Modality::Text } else { Modality::Image },
        bytes: 1,
        modified_ns: 0,
        hash: ContentHash([at as u8; 32]),
        pixels: None,
        snippet: is_text.then(|| "<img src=x> </script> & words".into()),
    }
}

fn map(count: usize) -> Map {
    let items: Vec<Item> = (0..count).map(item).collect();
    let snapshot = Snapshot::new(SnapshotParts {
        library: "/library".into(),
        epoch: 1,
        generation: 1,
        photos: Vec::new(),
        tables: Arc::default(),
        groups: Arc::default(),
        roots: vec![],
        vector_rows: items.chunks(4096).map(|chunk| Arc::new(vec![u32::MAX; chunk.len()])).collect(),
        counts: Modality::ALL.map(|kind| items.iter().filter(|item| item.modality == kind).count()),
        chunks: items.chunks(4096).map(|chunk| Arc::new(chunk.to_vec())).collect(),
        vectors: Vectors::Owned(Arc::from([])),
        model: ModelKey { name: "m".into(), revision: "r".into(), preprocessing: "p".into(), dim: 2 },
        means: [Arc::from([]), Arc::from([])],
        read_only: None,
    });
    let centre = |at: usize| [(-1.0, 0.6), (1.0, 0.6), (0.0, -1.0)][at % 3];
    let position = |at: usize| {
        let (x, y) = centre(at);
        let turn = at as f32 * 2.4;
        MapPos { x: x + 0.2 * turn.cos(), y: y + 0.2 * turn.sin() }
    };
    let cluster = |at: usize| Cluster {
        names: vec![NAMES[at].to_owned()],
        parent: None,
        levels: (0, 2),
        count: (count / 3) as u32,
        centre: MapPos { x: centre(at).0, y: centre(at).1 },
        typical: ItemId(at as u32),
        ..Cluster::default()
    };
    let layout = Layout {
        method: LayoutMethod::Umap,
        epoch: 1,
        settled: count,
        positions: (0..count).map(position).collect(),
        trustworthiness: None,
        generation: 1,
    };
    let of_rows = (0..count).map(|at| (at % 3) as u32).collect();
    let clusters =
        Clusters { epoch: 1, generation: 1, all: (0..3).map(cluster).collect(), of_rows, ..Clusters::default() };
    Map { snapshot, layout, clusters }
}

/// A red square.
fn red(_: ItemId) -> Option<Picture> {
    Picture::new(64, 64, [250, 10, 10].repeat(64 * 64))
}

impl Map {
    fn with<R>(&self, use_it: impl FnOnce(&MapDrawing<'_>) -> R) -> R {
        let categories = MapCategories::new(&self.snapshot, MapColouring::Cluster, Some(&self.clusters), None);
        use_it(&MapDrawing {
            snapshot: &self.snapshot,
            layout: &self.layout,
            clusters: Some(&self.clusters),
            categories: &categories,
            thumbnail: &red,
            go_on: &|| true,
        })
    }

    fn written(&self, name: &str, options: &ImageOptions) -> Vec<u8> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(name);
        self.with(|map| map_image::write(map, options, &file)).expect("writable");
        std::fs::read(&file).expect("written")
    }

    fn report(&self, paths: bool) -> (String, map_report::ReportSize) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("map.html");
        let options = ReportOptions { title: "My <map>".to_owned(), paths };
        let size = self.with(|map| map_report::write(map, &options, &file)).expect("writable");
        (std::fs::read_to_string(&file).expect("written"), size)
    }
}

fn options(size: [u32; 2], pictures: bool) -> ImageOptions {
    ImageOptions { size, dark: true, text: true, pictures }
}

/// How many pixels differ by more than a little.
fn differing(a: &Picture, b: &Picture) -> usize {
    let differs = |(a, b): (&[u8], &[u8])| a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > 40);
    a.rgb().chunks(3).zip(b.rgb().chunks(3)).filter(|pair| differs(*pair)).count()
}

#[test]
fn an_image_has_names_legend_and_pictures() {
    let map = map(300);
    let drawn = |options: ImageOptions| map.with(|map| map_image::render(map, &options)).expect("drawn");
    let plain = drawn(ImageOptions { text: false, ..options([900, 600], false) });
    let named = drawn(options([900, 600], false));
    let pictured = drawn(options([900, 600], true));
    assert!(differing(&plain, &named) > 1_000, "names and legend are drawn");
    let red = |picture: &Picture| picture.rgb().chunks(3).filter(|p| p[0] > 200 && p[1] < 60 && p[2] < 60).count();
    assert_eq!(red(&named), 0);
    assert!(red(&pictured) > 1_500, "two clusters of images have a picture: {}", red(&pictured));
    let lowest = &named.rgb()[900 * 3 * 580..];
    assert!(lowest.chunks(3).any(|p| p.iter().any(|v| *v > 120)), "the legend is at the lower edge");
    let tiny = drawn(options([64, 64], true));
    assert_eq!((tiny.width(), tiny.height(), red(&tiny)), (64, 64, 0), "no text where nobody could read it");
}

#[test]
fn a_drawing_is_well_formed_and_says_what_the_map_says() {
    let text = String::from_utf8(map(300).written("map.svg", &options([900, 600], true))).expect("a text");
    assert!(text.contains(">dogs &amp; cats</text>") && text.contains(">ships</text>"), "{}", &text[..400]);
    assert!(text.contains("&lt;/script&gt;&lt;b&gt;&quot;&#39; 100"), "the legend counts");
    assert!(!text.contains("<b>") && !text.contains("/home/anna"));
    assert_eq!((text.matches("<circle").count(), text.matches("<image").count()), (300 + 3, 2));
    assert!(text.contains("300 items"));
    let large = String::from_utf8(map(50_001).written("map.svg", &options([900, 600], false))).expect("a text");
    assert!(large.matches("<circle").count() == 3 && large.contains("data:image/png;base64,"), "points as a picture");
}

#[test]
fn a_report_is_one_file_without_paths_and_within_its_size() {
    let map = map(3_000);
    let (page, size) = map.report(false);
    assert_eq!((size.items, size.pictures, size.bytes), (3_000, 2_000, page.len()));
    assert!(page.len() < 4_500_000, "{} bytes", page.len());
    assert!(!page.contains("anna") && !page.contains("private"), "folders are left out");
    assert!(page.contains("\"0.jpg\"") && page.contains("\"2.csv:2\""));
    assert!(page.contains("<title>My &lt;map&gt;</title>"));
    assert_eq!(page.matches("</script>").count(), 2, "no text of an item ends a script");
    assert!(!page.contains("<img") && !page.contains("<b>\""));
    assert!(page.contains("default-src 'none'"));
    let (with_paths, _) = map.report(true);
    assert!(with_paths.contains("/home/anna/private/0.jpg"));
}
