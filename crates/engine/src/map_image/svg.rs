//! A laid out map as SVG.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::palette::css;
use super::sheet::{LEGEND, LegendMark, MapSheet, SheetName};
use super::text::{BOLD, FAMILY, PLAIN, escaped};

/// From the middle of the letters to the line that they stand on, as a share of their size.
const BASELINE: f32 = 0.36;
/// Width of the ground that is seen around letters, as a share of their size.
const HALO: f32 = 0.28;

/// A whole document; `points` are its elements below names and legend.
pub fn document(sheet: &MapSheet, points: &str) -> String {
    let [width, height] = sheet.size;
    let ground = css(sheet.palette.ground);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"{ground}\"/>\n{points}{}</svg>\n",
        annotations(sheet)
    )
}

/// Names, pictures and the legend alone, on no ground.
pub fn overlay(sheet: &MapSheet) -> String {
    let [width, height] = sheet.size;
    let within = annotations(sheet);
    format!("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\">\n{within}</svg>\n")
}

/// The points as circles, those of one colour together.
pub fn circles(sheet: &MapSheet) -> String {
    let mut colours: Vec<u32> = Vec::new();
    for (_, colour) in &sheet.points {
        if !colours.contains(colour) {
            colours.push(*colour);
        }
    }
    let mut out = String::new();
    for colour in colours {
        out.push_str(&format!("<g fill=\"{}\" fill-opacity=\"{}\">\n", css(colour), sheet.opacity));
        for ([x, y], _) in sheet.points.iter().filter(|(_, of)| *of == colour) {
            out.push_str(&format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{:.2}\"/>\n", sheet.radius));
        }
        out.push_str("</g>\n");
    }
    out
}

/// A PNG of all points.
pub fn picture_of_points(sheet: &MapSheet, png: &[u8]) -> String {
    let [width, height] = sheet.size;
    let data = BASE64_STANDARD.encode(png);
    format!("<image width=\"{width}\" height=\"{height}\" href=\"data:image/png;base64,{data}\"/>\n")
}

fn annotations(sheet: &MapSheet) -> String {
    let pictures = sheet.names.iter().enumerate().map(|(at, name)| picture(at, name, sheet.unit));
    let pictures: String = pictures.collect();
    let names: String = sheet.names.iter().map(|name| words(name, sheet)).collect();
    let legend: String = sheet.legend.iter().map(|mark| entry(mark, sheet)).collect();
    format!("{pictures}{names}{legend}")
}

/// The middle of a picture with round corners and an edge.
fn picture(at: usize, name: &SheetName, unit: f32) -> String {
    let Some(picture) = &name.picture else { return String::new() };
    let ([x, y], side) = (picture.corner, picture.side);
    let (round, edge, colour) = (6.0 * unit, 2.0 * unit, css(picture.edge));
    let data = BASE64_STANDARD.encode(&picture.jpeg);
    let place = format!("x=\"{x:.1}\" y=\"{y:.1}\" width=\"{side:.1}\" height=\"{side:.1}\"");
    format!(
        "<clipPath id=\"p{at}\"><rect {place} rx=\"{round:.1}\"/></clipPath>\n\
         <image {place} clip-path=\"url(#p{at})\" preserveAspectRatio=\"xMidYMid slice\" href=\"data:image/jpeg;base64,{data}\"/>\n\
         <rect {place} rx=\"{round:.1}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{edge:.1}\"/>\n"
    )
}

fn words(name: &SheetName, sheet: &MapSheet) -> String {
    let ([x, y], size) = (name.middle, name.size);
    let (colour, ground, text) = (css(sheet.palette.text1), css(sheet.palette.ground), escaped(&name.text));
    let (base, halo) = (y + BASELINE * size, HALO * size);
    format!(
        "<text x=\"{x:.1}\" y=\"{base:.1}\" text-anchor=\"middle\" font-family=\"{FAMILY}\" font-size=\"{size:.1}\" \
         font-weight=\"{BOLD}\" fill=\"{colour}\" stroke=\"{ground}\" stroke-opacity=\".85\" stroke-width=\"{halo:.1}\" \
         stroke-linejoin=\"round\" paint-order=\"stroke\">{text}</text>\n"
    )
}

fn entry(mark: &LegendMark, sheet: &MapSheet) -> String {
    let size = LEGEND[0] * sheet.unit;
    let ([x, y], text) = (mark.at, escaped(&mark.text));
    let base = y + BASELINE * size;
    let dot = mark.dot.map(|([x, y], colour)| {
        format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{:.1}\" fill=\"{}\"/>\n", LEGEND[2] * sheet.unit, css(colour))
    });
    let (weight, colour) = if mark.dot.is_some() { (PLAIN, sheet.palette.text2) } else { (BOLD, sheet.palette.text1) };
    format!(
        "{}<text x=\"{x:.1}\" y=\"{base:.1}\" font-family=\"{FAMILY}\" font-size=\"{size:.1}\" font-weight=\"{weight}\" \
         fill=\"{}\">{text}</text>\n",
        dot.unwrap_or_default(),
        css(colour)
    )
}
