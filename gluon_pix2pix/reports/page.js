"use strict";
const DATA = JSON.parse(document.getElementById("data").textContent);

// Makes an element: words starting with "." are classes; texts are texts, never markup.
function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "path", "line", "text", "rect", "circle"].includes(tag);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// The part of the address after "#", as "a=1&b=2": what a reload, a bookmark or a link shall find again.
const address = {
  read: () => new URLSearchParams(location.hash.slice(1)),
  write(values) {
    const words = address.read();
    for (const [name, value] of Object.entries(values)) value === null ? words.delete(name) : words.set(name, value);
    const text = words.toString();
    history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
  },
};

function typing(event) {
  return event.altKey || event.ctrlKey || event.metaKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
}

// Numbers as a person reads them: three or four digits.
function digits(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(1).replace("e-", "e−").replace("e+", "e");
  if (size >= 1000) return String(Math.round(value));
  return String(parseFloat(value.toPrecision(4)));
}
