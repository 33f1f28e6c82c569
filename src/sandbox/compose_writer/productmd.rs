//! The JSON files that describe a compose, in productmd's form, version 1.2.
//!
//! Pure: it turns what was composed into text.

use super::Site;
use crate::sandbox::content::ARCHES;
use crate::sandbox::koji::{Built, Category};
use serde_json::{Map, Value, json};

fn compose(site: &Site<'_>) -> Value {
    json!({ "date": site.identity.date, "id": site.id, "respin": site.respin, "type": "production" })
}

fn document(kind: &str, payload: &Value) -> String {
    let whole =
        json!({ "header": { "type": format!("productmd.{kind}"), "version": "1.2" }, "payload": payload });
    let mut out = Vec::new();
    let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, indent);
    // a value made of strings and numbers always serialises
    let _ = serde::Serialize::serialize(&whole, &mut serializer);
    String::from_utf8(out).unwrap_or_default()
}

/// Returns composeinfo.json: whole, or the base that pungi writes when it begins.
pub(super) fn compose_info(site: &Site<'_>, whole: bool) -> String {
    let identity = site.identity;
    let mut head = compose(site);
    if identity.release_type == "ga" {
        head["final"] = json!(true);
        head["label"] = json!(format!("RC-{}", identity.version));
    }
    let mut variants = Map::new();
    if whole {
        for variant in site.variants() {
            variants.insert(variant.clone(), variant_info(variant, identity.release_type == "ga"));
        }
    }
    let release = json!({
        "internal": false,
        "name": site.repo.title,
        "short": site.repo.name,
        "type": identity.release_type,
        "version": identity.version,
    });
    document("composeinfo", &json!({ "compose": head, "release": release, "variants": variants }))
}

fn variant_info(variant: &str, full: bool) -> Value {
    let per_arch = |path: &dyn Fn(&str) -> String| -> Value {
        ARCHES.iter().map(|arch| ((*arch).to_owned(), json!(path(arch)))).collect::<Map<_, _>>().into()
    };
    let source = format!("{variant}/source/tree");
    let mut paths = json!({
        "debug_packages": per_arch(&|arch| format!("{variant}/{arch}/debug/tree/Packages")),
        "debug_repository": per_arch(&|arch| format!("{variant}/{arch}/debug/tree")),
        "debug_tree": per_arch(&|arch| format!("{variant}/{arch}/debug/tree")),
        "os_tree": per_arch(&|arch| format!("{variant}/{arch}/os")),
        "packages": per_arch(&|arch| format!("{variant}/{arch}/os/Packages")),
        "repository": per_arch(&|arch| format!("{variant}/{arch}/os")),
        "source_packages": per_arch(&|_| format!("{source}/Packages")),
        "source_repository": per_arch(&|_| source.clone()),
        "source_tree": per_arch(&|_| source.clone()),
    });
    if full && variant == "BaseOS" {
        paths["isos"] = per_arch(&|arch| format!("{variant}/{arch}/iso"));
    }
    json!({ "arches": ARCHES, "id": variant, "name": variant, "paths": paths, "type": "variant", "uid": variant })
}

/// Returns rpms.json for what `builds` put into the variants.
pub(super) fn rpms(site: &Site<'_>, builds: &[&Built], sigkey: &str) -> String {
    let mut variants = Map::new();
    for variant in site.variants() {
        let mut arches = Map::new();
        for arch in ARCHES {
            let mut sources = Map::new();
            for build in builds.iter().filter(|build| build.variant == *variant) {
                let mut packages = Map::new();
                for rpm in build.rpms.iter().filter(|rpm| rpm.category == Category::Source || rpm.fits(arch))
                {
                    let path = super::trees::place(variant, arch, rpm);
                    packages.insert(
                        rpm.nevra.clone(),
                        json!({ "category": rpm.category, "path": path, "sigkey": sigkey }),
                    );
                }
                sources.insert(build.source_nevra.clone(), packages.into());
            }
            arches.insert(arch.to_owned(), sources.into());
        }
        variants.insert(variant.clone(), arches.into());
    }
    document("rpms", &json!({ "compose": compose(site), "rpms": variants }))
}

/// Returns modules.json.
pub(super) fn modules(site: &Site<'_>, builds: &[&Built]) -> String {
    let mut variants = Map::new();
    for build in builds {
        let Some(module) = &build.module else { continue };
        let arches = variants.entry(build.variant.clone()).or_insert_with(|| json!({}));
        for arch in ARCHES {
            let rpms: Vec<&str> =
                build.rpms.iter().filter(|rpm| rpm.fits(arch)).map(|rpm| &*rpm.nevra).collect();
            arches[arch][module.label()] = json!({
                "metadata": {
                    "uid": module.label(),
                    "name": module.name,
                    "stream": module.stream,
                    "version": module.version.to_string(),
                    "context": module.context,
                    "koji_tag": format!("module-{}-{}-{}", module.name, module.stream, module.version),
                },
                "modulemd_path": {},
                "rpms": rpms,
            });
        }
    }
    document("modules", &json!({ "compose": compose(site), "modules": variants }))
}

/// Returns images.json; `images` are pairs of variant and arch with the image's own description.
pub(super) fn images(site: &Site<'_>, images: Vec<(String, String, Value)>) -> String {
    let mut variants = json!({});
    for (variant, arch, image) in images {
        match variants[&variant][&arch].as_array_mut() {
            Some(list) => list.push(image),
            None => variants[&variant][&arch] = json!([image]),
        }
    }
    document("images", &json!({ "compose": compose(site), "images": variants }))
}
