//! No circle among the files of a crate: a reader who follows calls and types from file to file never
//! comes back to one they have left.
//!
//! A file uses another one if it imports a name the other defines, or calls a method the other
//! defines. A module's `mod.rs` uses its children only if it does more than declare and re-export
//! them. Test code does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

use super::{files, folders, root};

/// Methods of std and of dependencies that ours are named after: a call of one says nothing about
/// which file is meant.
const COMMON: &[&str] = &[
    "add", "all", "bound", "bytes", "call", "check", "clear", "clone", "code", "contains", "count",
    "delete", "find", "finish", "from", "get", "handle", "id", "index", "insert", "is_empty",
    "iter", "json", "key", "keys", "len", "link", "links", "matches", "name", "new", "next", "now",
    "of", "page", "parse", "put", "read", "remove", "run", "send", "set", "sign", "start",
    "status", "take", "text", "until", "user", "when", "write",
];

#[test]
fn no_circle_among_the_files_of_a_crate() {
    let mut circles = Vec::new();
    for group in ["shared", "functions"] {
        for name in folders(group) {
            let source = root().join(group).join(&name).join("src");
            circles.extend(circles_of(&source));
        }
    }
    assert!(circles.is_empty(), "circles: {circles:#?}");
}

#[test]
fn a_circle_is_found_through_imports_and_through_methods() {
    let find = |a: &str, b: &str| {
        let sources = [("a.rs", a), ("b.rs", b)];
        let sources = sources.map(|(path, text)| (PathBuf::from(path), text.to_owned()));
        circles_among(sources.into_iter().collect())
    };
    let imports = find(
        "use crate::b::Two; pub struct One(Two);",
        "use crate::a::One; pub struct Two(Box<One>);",
    );
    assert_eq!(imports.len(), 1);
    let methods = find(
        "use crate::b::Two; impl Two { pub fn first_step(&self) {} }",
        "pub struct Two; fn go(it: &Two) { it.first_step(); }",
    );
    assert_eq!(methods.len(), 1);
    let one_way = find(
        "use crate::b::Two; pub fn go(it: &Two) { it.second_step(); }",
        "pub struct Two; impl Two { pub fn second_step(&self) {} }",
    );
    assert!(one_way.is_empty());
    let in_tests = find(
        "use crate::b::Two; pub fn go(_: Two) {}",
        "pub struct Two; #[cfg(test)] mod tests { use crate::a::go; }",
    );
    assert!(in_tests.is_empty());
}

fn circles_of(source: &Path) -> Vec<Vec<String>> {
    let paths = files(source).into_iter();
    let rust = paths.filter(|path| path.extension().is_some_and(|it| it == "rs"));
    let sources = rust.map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        (path.strip_prefix(source).unwrap().to_owned(), text)
    });
    let circles = circles_among(sources.collect());
    let crate_name = source
        .parent()
        .unwrap()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap();
    let named = |file: String| format!("{crate_name}/{file}");
    let circles = circles.into_iter();
    circles
        .map(|circle| circle.into_iter().map(named).collect())
        .collect()
}

/// Sets of files each of which leads to each other.
fn circles_among(sources: BTreeMap<PathBuf, String>) -> Vec<Vec<String>> {
    let parsed: BTreeMap<PathBuf, File> = sources
        .into_iter()
        .map(|(path, text)| (path, File::read(&syn::parse_file(&text).unwrap())))
        .collect();
    let mut defining: BTreeMap<&str, BTreeSet<&PathBuf>> = BTreeMap::new();
    for (path, file) in &parsed {
        for method in &file.methods {
            defining.entry(method).or_default().insert(path);
        }
    }
    let uses = |path: &PathBuf, file: &File| {
        let imported = file.imports.iter().filter_map(|import| {
            let target = resolve(path, import, &parsed)?;
            Some(target)
        });
        let called = file.calls.iter().filter_map(|call| {
            let owners = defining.get(call.as_str())?;
            let only = owners.len() == 1 && !COMMON.contains(&call.as_str());
            owners.first().filter(|_| only).map(|it| (*it).clone())
        });
        let targets = imported.chain(called).filter(|target| target != path);
        targets.collect::<BTreeSet<PathBuf>>()
    };
    let arrows: BTreeMap<PathBuf, BTreeSet<PathBuf>> = parsed
        .iter()
        .map(|(path, file)| (path.clone(), uses(path, file)))
        .collect();
    let reach: BTreeMap<&PathBuf, BTreeSet<&PathBuf>> = arrows
        .keys()
        .map(|path| (path, reachable(path, &arrows)))
        .collect();
    let mut circles: BTreeSet<Vec<String>> = BTreeSet::new();
    for (path, reached) in &reach {
        if reached.contains(path) {
            let both = reached.iter().filter(|other| reach[*other].contains(path));
            circles.insert(both.map(|it| it.display().to_string()).collect());
        }
    }
    circles.into_iter().collect()
}

fn reachable<'a>(
    start: &PathBuf,
    arrows: &'a BTreeMap<PathBuf, BTreeSet<PathBuf>>,
) -> BTreeSet<&'a PathBuf> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&PathBuf> = arrows[start].iter().collect();
    while let Some(path) = open.pop() {
        if reached.insert(path) {
            open.extend(&arrows[path]);
        }
    }
    reached
}

/// The file that defines what is imported: the longest part of the path that is a file, from which
/// re-exports lead on.
fn resolve(from: &Path, import: &[String], files: &BTreeMap<PathBuf, File>) -> Option<PathBuf> {
    let mut module = match import.first()?.as_str() {
        "crate" => PathBuf::new(),
        "self" => folder_of(from),
        "super" => folder_of(from).parent()?.to_owned(),
        _ => return None,
    };
    let mut rest = import[1..].iter().peekable();
    while let Some(next) = rest.next_if(|it| *it == "super") {
        debug_assert_eq!(next, "super");
        module = module.parent()?.to_owned();
    }
    let mut found = file_of(&module, files);
    for segment in rest {
        let inner = module.join(segment);
        if let Some(file) = file_of(&inner, files) {
            (module, found) = (inner, Some(file));
            continue;
        }
        let file = found.as_ref()?;
        if files[file].defines.contains(segment) {
            return Some(file.clone());
        }
        let exported = files[file].exports.get(segment)?;
        return resolve(file, exported, files);
    }
    // A module itself: its names are looked up where they are used.
    found.filter(|file| !is_root(file))
}

fn is_root(file: &Path) -> bool {
    let name = file.file_name().and_then(|it| it.to_str());
    matches!(name, Some("lib.rs" | "mod.rs" | "main.rs"))
}

/// The folder of a module's children: `a/b` of `a/b.rs` and of `a/b/mod.rs`.
fn folder_of(file: &Path) -> PathBuf {
    match is_root(file) {
        true => file.parent().unwrap().to_owned(),
        false => file.with_extension(""),
    }
}

fn file_of(module: &Path, files: &BTreeMap<PathBuf, File>) -> Option<PathBuf> {
    let names = match module.as_os_str().is_empty() {
        true => [PathBuf::from("lib.rs"), PathBuf::from("main.rs")],
        false => [module.with_extension("rs"), module.join("mod.rs")],
    };
    names.into_iter().find(|name| files.contains_key(name))
}

/// What a file defines and what it uses.
#[derive(Default)]
struct File {
    defines: BTreeSet<String>,
    methods: BTreeSet<String>,
    imports: BTreeSet<Vec<String>>,
    /// Re-exported names, and where they come from.
    exports: BTreeMap<String, Vec<String>>,
    calls: BTreeSet<String>,
}

impl File {
    fn read(source: &syn::File) -> Self {
        let mut file = Self::default();
        file.visit_file(source);
        file
    }

    fn import(&mut self, tree: &syn::UseTree, path: &mut Vec<String>, exported: bool) {
        match tree {
            syn::UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.import(&part.tree, path, exported);
                path.pop();
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, path, exported);
                }
            }
            syn::UseTree::Name(name) => self.imported(&name.ident, &name.ident, path, exported),
            syn::UseTree::Rename(name) => self.imported(&name.ident, &name.rename, path, exported),
            syn::UseTree::Glob(_) => {}
        }
    }

    fn imported(
        &mut self,
        name: &syn::Ident,
        known_as: &syn::Ident,
        path: &[String],
        exported: bool,
    ) {
        let mut full = path.to_vec();
        if name != "self" {
            full.push(name.to_string());
        }
        // A child of this module needs no `self::` in front.
        if !matches!(full[0].as_str(), "crate" | "self" | "super") {
            full.insert(0, "self".to_owned());
        }
        match exported {
            true => drop(self.exports.insert(known_as.to_string(), full)),
            false => drop(self.imports.insert(full)),
        }
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|it| match &it.meta {
        syn::Meta::List(list) => {
            list.path.is_ident("cfg") && list.tokens.to_string().starts_with("test")
        }
        syn::Meta::Path(_) | syn::Meta::NameValue(_) => false,
    })
}

impl<'ast> Visit<'ast> for File {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let exported = !matches!(item.vis, syn::Visibility::Inherited);
        self.import(&item.tree, &mut Vec::new(), exported);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.defines.insert(item.ident.to_string());
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.defines.insert(item.ident.to_string());
        visit::visit_item_enum(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.defines.insert(item.ident.to_string());
        visit::visit_item_type(self, item);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.defines.insert(item.ident.to_string());
        visit::visit_item_const(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.defines.insert(item.ident.to_string());
        visit::visit_item_trait(self, item);
    }

    /// A macro of the crate leaves its file by `pub(crate) use`.
    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        self.defines
            .extend(item.ident.as_ref().map(ToString::to_string));
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.defines.insert(item.sig.ident.to_string());
        visit::visit_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        // Methods of a trait belong to the trait.
        if item.trait_.is_none() {
            for member in &item.items {
                if let syn::ImplItem::Fn(method) = member {
                    self.methods.insert(method.sig.ident.to_string());
                }
            }
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.calls.insert(call.method.to_string());
        visit::visit_expr_method_call(self, call);
    }

    /// `rows::page(…)`, `super::page(…)`, `crate::rows::page(…)`: a path is as good as an import.
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter();
        let segments: Vec<String> = segments.map(|it| it.ident.to_string()).collect();
        if segments.len() > 1 && matches!(segments[0].as_str(), "crate" | "self" | "super") {
            self.imports.insert(segments);
        }
        visit::visit_path(self, path);
    }
}
