//! Describes a binding's routes at each of its places: they are written down at the first.

use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::{ObjectBuilder, OpenApi, RefOr, Required, Type};

/// Where the handlers describe them.
const FIRST: &str = "/orgs/{org}/bindings/{name}";

struct Place {
    path: &'static str,
    /// Ends the ids of its operations.
    suffix: &'static str,
    in_project: bool,
    named: bool,
}

const OTHERS: [Place; 3] = [
    Place {
        path: "/orgs/{org}/projects/{project}/bindings/{name}",
        suffix: "_of_project",
        in_project: true,
        named: true,
    },
    Place {
        path: "/orgs/{org}/dashboard-template",
        suffix: "_dashboard_template",
        in_project: false,
        named: false,
    },
    Place {
        path: "/orgs/{org}/projects/{project}/dashboard-template",
        suffix: "_dashboard_template_of_project",
        in_project: true,
        named: false,
    },
];

pub(super) fn describe(document: &mut OpenApi) {
    let described: Vec<_> = document
        .paths
        .paths
        .iter()
        .filter_map(|(path, item)| Some((path.strip_prefix(FIRST)?.to_owned(), item.clone())))
        .collect();
    for place in &OTHERS {
        for (rest, item) in &described {
            let path = format!("{}{rest}", place.path);
            document.paths.paths.insert(path, place.item(item));
        }
    }
}

impl Place {
    fn item(&self, first: &PathItem) -> PathItem {
        let mut item = first.clone();
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            self.adapt(operation);
        }
        item
    }

    fn adapt(&self, operation: &mut Operation) {
        if let Some(id) = &mut operation.operation_id {
            id.push_str(self.suffix);
        }
        let parameters = operation.parameters.get_or_insert_default();
        if !self.named {
            parameters.retain(|parameter| !is_called(parameter, "name"));
        }
        if self.in_project {
            parameters.insert(1, RefOr::T(project()));
        }
    }
}

fn is_called(parameter: &RefOr<Parameter>, name: &str) -> bool {
    matches!(parameter, RefOr::T(parameter) if parameter.name == name)
}

fn project() -> Parameter {
    ParameterBuilder::new()
        .name("project")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some("The project's slug."))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}
