//! The list itself: repositories, commits, hashes and words.

use super::{CatalogueEntry, CatalogueFile, HubSource, Licence, Recommendation, Terms};
use crate::local::builtin;

const fn file(name: &'static str) -> CatalogueFile {
    CatalogueFile { name, sha256: None }
}

const fn pinned(name: &'static str, sha256: &'static str) -> CatalogueFile {
    CatalogueFile { name, sha256: Some(sha256) }
}

const fn open(name: &'static str) -> Licence {
    Licence { name, terms: Terms::Open }
}

const WEIGHTS: &str = "model.safetensors";
const OPEN_CLIP_WEIGHTS: &str = "open_clip_model.safetensors";
const CONFIG: CatalogueFile = file("config.json");
const OPEN_CLIP_CONFIG: CatalogueFile = file("open_clip_config.json");
const PREPROCESSOR: CatalogueFile = file("preprocessor_config.json");
const TOKENIZER: CatalogueFile = file("tokenizer.json");

const APACHE: Licence = open("Apache-2.0");
const OPENAI: Licence = open("MIT, as OpenAI's code (its authors advise against use without testing)");
const APPLE: Licence = Licence { name: "Apple Machine Learning Research Model licence", terms: Terms::ResearchOnly };

const SIGLIP2_ABOUT: &str = "Good at photos, drawings, screenshots and short texts in many languages.\n\
                             Texts are truncated at 64 tokens; a large download because of its vocabulary.";
const CLIP_ABOUT: &str = "A well-known baseline; photos and English captions.\n\
                          Weaker than newer models throughout; texts are truncated at 77 tokens.";
const MOBILE_ABOUT: &str = "Small and fast for its quality; photos and English captions.\n\
                            Research only; texts are truncated at 77 tokens.";
const MANY: &str = "many (109)";
const ENGLISH: &str = "English";

/// All of them; the built-in one first.
pub const MODELS: [CatalogueEntry; 14] = [
    CatalogueEntry {
        id: builtin::NAME,
        title: "Vicinity starter",
        about: "Good at everyday things, animals and simple scenes in photos, and at short English texts.\n\
                Weak at rare names, word order, counts, art, text in images, and languages other than English.",
        sources: &[],
        licence: open("Backbones Apache-2.0; the head was trained on non-commercial research images"),
        languages: ENGLISH,
        dimensions: &[384],
        pixels: 260,
        bytes: 23_700_000,
        recommended_as: Some(Recommendation::Starter),
    },
    CatalogueEntry {
        id: "siglip2-base-patch16-224",
        title: "SigLIP 2 B/16",
        about: SIGLIP2_ABOUT,
        sources: &[HubSource {
            repo: "google/siglip2-base-patch16-224",
            revision: "75de2d55ec2d0b4efc50b3e9ad70dba96a7b2fa2",
            folder: "",
            files: &[
                CONFIG,
                PREPROCESSOR,
                TOKENIZER,
                pinned(WEIGHTS, "612923381c76ec5a9bed335d1c48827e3f2e506ac31b044b63b2031fadee6a0b"),
            ],
        }],
        licence: APACHE,
        languages: MANY,
        dimensions: &[768],
        pixels: 224,
        bytes: 1_535_000_000,
        recommended_as: Some(Recommendation::Photos),
    },
    CatalogueEntry {
        id: "nomic-embed-v1.5",
        title: "Nomic Embed v1.5",
        about: "Good at documents of up to 8,192 tokens and at photos, together; vectors can be shortened.\n\
                Slightly weaker at photos than SigLIP 2; English only.",
        sources: &[
            HubSource {
                repo: "nomic-ai/nomic-embed-text-v1.5",
                revision: "e9b6763023c676ca8431644204f50c2b100d9aab",
                folder: "text",
                files: &[
                    CONFIG,
                    pinned("tokenizer.json", "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66"),
                    file(WEIGHTS),
                ],
            },
            HubSource {
                repo: "nomic-ai/nomic-embed-vision-v1.5",
                revision: "e3a725bce72db07ca4adb1d83da08903f3ee02f8",
                folder: "vision",
                files: &[CONFIG, PREPROCESSOR, file(WEIGHTS)],
            },
        ],
        licence: APACHE,
        languages: ENGLISH,
        dimensions: &[768, 512, 256, 128, 64],
        pixels: 224,
        bytes: 920_000_000,
        recommended_as: Some(Recommendation::PhotosAndDocuments),
    },
    CatalogueEntry {
        id: "siglip2-base-patch32-256",
        title: "SigLIP 2 B/32",
        about: "Like SigLIP 2 B/16, about 3× faster at images.\n\
                Sees less detail; texts are truncated at 64 tokens.",
        sources: &[HubSource {
            repo: "google/siglip2-base-patch32-256",
            revision: "94dffa8cb1179de3e03f091dbc3917e5d5a9ae84",
            folder: "",
            files: &[
                CONFIG,
                PREPROCESSOR,
                TOKENIZER,
                pinned(WEIGHTS, "7d241bb3becad218f211f480487f491df4f8c0a472ecf7afdec5615815a301f1"),
            ],
        }],
        licence: APACHE,
        languages: MANY,
        dimensions: &[768],
        pixels: 256,
        bytes: 1_545_000_000,
        recommended_as: Some(Recommendation::Fast),
    },
    CatalogueEntry {
        id: "siglip2-large-patch16-256",
        title: "SigLIP 2 L/16",
        about: SIGLIP2_ABOUT,
        sources: &[HubSource {
            repo: "google/siglip2-large-patch16-256",
            revision: "787800c8990e6f058423089178e718139608408c",
            folder: "",
            files: &[CONFIG, PREPROCESSOR, TOKENIZER, file(WEIGHTS)],
        }],
        licence: APACHE,
        languages: MANY,
        dimensions: &[1024],
        pixels: 256,
        bytes: 3_565_000_000,
        recommended_as: None,
    },
    CatalogueEntry {
        id: "siglip2-so400m-patch14-384",
        title: "SigLIP 2 So400m/14",
        about: "Best of the family at detail, text in images and rare names; many languages.\n\
                Slow without a GPU; texts are truncated at 64 tokens.",
        sources: &[HubSource {
            repo: "google/siglip2-so400m-patch14-384",
            revision: "e8e487298228002f3d8a82e0cd5c8ea9c567f57f",
            folder: "",
            files: &[
                CONFIG,
                PREPROCESSOR,
                TOKENIZER,
                pinned(WEIGHTS, "9f4f4a49f908ef0c979bce8ff5a5c0e88882dc6c5dc4304387cbbd152558e2c2"),
            ],
        }],
        licence: APACHE,
        languages: MANY,
        dimensions: &[1152],
        pixels: 384,
        bytes: 4_580_000_000,
        recommended_as: None,
    },
    CatalogueEntry {
        id: "siglip-base-patch16-224",
        title: "SigLIP B/16",
        about: "Good at photos and English captions; smaller than SigLIP 2.\n\
                English only; texts are truncated at 64 tokens.",
        sources: &[HubSource {
            repo: "google/siglip-base-patch16-224",
            revision: "7fd15f0689c79d79e38b1c2e2e2370a7bf2761ed",
            folder: "",
            files: &[
                CONFIG,
                PREPROCESSOR,
                TOKENIZER,
                pinned(WEIGHTS, "2c63cb7d1f2e95ba501893cbb8faeb4ea9a3af295498d35097126228659c2af8"),
            ],
        }],
        licence: APACHE,
        languages: ENGLISH,
        dimensions: &[768],
        pixels: 224,
        bytes: 815_500_000,
        recommended_as: None,
    },
    CatalogueEntry {
        id: "clip-vit-base-patch32",
        title: "CLIP B/32 (OpenAI)",
        about: CLIP_ABOUT,
        // This commit is `main` with the same weights as safetensors.
        sources: &[HubSource {
            repo: "openai/clip-vit-base-patch32",
            revision: "c237dc49a33fc61debc9276459120b7eac67e7ef",
            folder: "",
            files: &[CONFIG, PREPROCESSOR, TOKENIZER, file(WEIGHTS)],
        }],
        licence: OPENAI,
        languages: ENGLISH,
        dimensions: &[512],
        pixels: 224,
        bytes: 607_500_000,
        recommended_as: None,
    },
    CatalogueEntry {
        id: "clip-vit-base-patch16",
        title: "CLIP B/16 (OpenAI)",
        about: CLIP_ABOUT,
        // OpenAI's own repository has these weights as a pickle only.
        sources: &[HubSource {
            repo: "timm/vit_base_patch16_clip_224.openai",
            revision: "977e3dd0ec55ab8da155f2fbeb6b5f54948b6e3d",
            folder: "",
            files: &[
                OPEN_CLIP_CONFIG,
                TOKENIZER,
                pinned(OPEN_CLIP_WEIGHTS, "4b8699299b1e8997753c64b052ba32031449d5d853f55a039148560ee02b820f"),
            ],
        }],
        licence: OPENAI,
        languages: ENGLISH,
        dimensions: &[512],
        pixels: 224,
        bytes: 601_000_000,
        recommended_as: None,
    },
    CatalogueEntry {
        id: "clip-vit-large-patch14",
        title: "CLIP L/14 (OpenAI)",
        about: CLIP_ABOUT,
        sources: &[HubSource {
            repo: "openai/clip-vit-large-patch14",
            revision: "32bd64288804d66eefd0ccbe215aa642df71cc41",
            folder: "",
            files: &[
                CONFIG,
                PREPROCESSOR,
                TOKENIZER,
                pinned(WEIGHTS, "a2bf730a0c7debf160f7a6b50b3aaf3703e7e88ac73de7a314903141db026dcb"),
            ],
        }],
        licence: OPENAI,
        languages: ENGLISH,
        dimensions: &[768],
        pixels: 224,
        bytes: 1_713_000_000,
        recommended_as: None,
    },
    CatalogueEntry {
        id: "clip-vit-b32-laion2b",
        title: "CLIP B/32 (LAION-2B)",
        about: CLIP_ABOUT,
        sources: &[HubSource {
            repo: "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
            revision: "1a25a446712ba5ee05982a381eed697ef9b435cf",
            folder: "",
            files: &[
                OPEN_CLIP_CONFIG,
                TOKENIZER,
                pinned(OPEN_CLIP_WEIGHTS, "ac4f8c4b88af6d963118cbf40ad93176d092abbedfcb752601ae1866352656e6"),
            ],
        }],
        licence: open("MIT"),
        languages: ENGLISH,
        dimensions: &[512],
        pixels: 224,
        bytes: 607_500_000,
        recommended_as: None,
    },
    CatalogueEntry {
        id: "clip-vit-b32-datacomp",
        title: "CLIP B/32 (DataComp)",
        about: CLIP_ABOUT,
        sources: &[HubSource {
            repo: "laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K",
            revision: "f0e2ffa09cbadab3db6a261ec1ec56407ce42912",
            folder: "",
            files: &[
                OPEN_CLIP_CONFIG,
                TOKENIZER,
                pinned(OPEN_CLIP_WEIGHTS, "3c00043509d2e3f35ec62bd85a643a393883dcda624d8208d034cc390c708297"),
            ],
        }],
        licence: open("MIT"),
        languages: ENGLISH,
        dimensions: &[512],
        pixels: 224,
        bytes: 607_500_000,
        recommended_as: None,
    },
    CatalogueEntry {
        id: "mobileclip-s1",
        title: "MobileCLIP S1",
        about: MOBILE_ABOUT,
        sources: &[HubSource {
            repo: "apple/MobileCLIP-S1-OpenCLIP",
            revision: "59d35241939f6942255489b83c9068e48ebf57f8",
            folder: "",
            files: &[OPEN_CLIP_CONFIG, TOKENIZER, file(OPEN_CLIP_WEIGHTS)],
        }],
        licence: APPLE,
        languages: ENGLISH,
        dimensions: &[512],
        pixels: 256,
        bytes: 342_000_000,
        recommended_as: None,
    },
    CatalogueEntry {
        id: "mobileclip-s2",
        title: "MobileCLIP S2",
        about: MOBILE_ABOUT,
        sources: &[HubSource {
            repo: "apple/MobileCLIP-S2-OpenCLIP",
            revision: "a406a1bd0b882b27509e608f3cb199de52010c4d",
            folder: "",
            files: &[OPEN_CLIP_CONFIG, TOKENIZER, file(OPEN_CLIP_WEIGHTS)],
        }],
        licence: APPLE,
        languages: ENGLISH,
        dimensions: &[512],
        pixels: 256,
        bytes: 400_000_000,
        recommended_as: None,
    },
];
