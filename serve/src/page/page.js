// Shows the OpenAPI document, and asks what the reader fills in. Texts are set as text, never as HTML.
"use strict";

const SHOWN_BYTES_MAX = 20000;

function element(name, text, ...children) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function field(parameter) {
  const schema = parameter.schema.items ?? parameter.schema;
  if (schema.enum && !parameter.schema.items) {
    const select = element("select", "", ...["", ...schema.enum].map((value) => element("option", value)));
    select.name = parameter.name;
    return select;
  }
  const input = element("input");
  input.name = parameter.name;
  input.placeholder = [parameter.example].flat().join(", ");
  input.dataset.repeatable = parameter.schema.items ? "yes" : "";
  return input;
}

function address(path, form) {
  const query = new URLSearchParams();
  for (const input of form.elements) {
    if (!input.name || !input.value) continue;
    const values = input.dataset.repeatable ? input.value.split(",") : [input.value];
    values.forEach((value) => query.append(input.name, value.trim()));
  }
  return query.size ? `${path}?${query}` : path;
}

async function ask(path, form, shown) {
  const asked = address(path, form);
  shown.textContent = `GET ${asked}\n…`;
  try {
    const answer = await fetch(asked);
    const text = await answer.text();
    const rest = text.length > SHOWN_BYTES_MAX ? `\n… ${text.length - SHOWN_BYTES_MAX} more characters` : "";
    shown.textContent = `GET ${asked}\n${answer.status}\n\n${text.slice(0, SHOWN_BYTES_MAX)}${rest}`;
  } catch (error) {
    shown.textContent = `GET ${asked}\nThe answer broke off: ${error.message}`;
  }
}

function operation(path, about) {
  const shown = element("pre");
  const form = element("form");
  if (about.parameters.length > 0) {
    const rows = about.parameters.map((parameter) =>
      element("tr", "", element("td", "", element("code", parameter.name)), element("td", "", field(parameter)),
        element("td", parameter.description + (parameter.schema.items ? " Several: comma-separated here." : ""))));
    form.append(element("table", "", ...rows));
  }
  form.append(element("button", "Ask"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    shown.hidden = false;
    ask(path, form, shown);
  });
  shown.hidden = true;
  const columns = about.responses["200"].content["application/json"]?.schema?.properties?.rows?.items?.properties ?? {};
  const table = element("table", "", ...Object.entries(columns).map(([name, column]) =>
    element("tr", "", element("td", "", element("code", name)), element("td", column.description))));
  return element("details", "",
    element("summary", "", element("code", path), about.summary),
    element("p", about.description), form, shown,
    ...(table.rows.length > 0 ? [element("h4", "Columns"), table] : []));
}

async function show() {
  const text = await (await fetch("api/v1/openapi.json")).json();
  document.getElementById("about").textContent = text.info.description;
  const operations = Object.entries(text.paths).map(([path, methods]) => operation(path, methods.get));
  document.getElementById("operations").replaceChildren(...operations);
}

show().catch((error) => {
  document.getElementById("operations").textContent = `The API's description cannot be read: ${error.message}`;
});
