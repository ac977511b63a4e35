type Child = Node | string | undefined | false

type Properties = Record<string, string | number | boolean | undefined | ((event: never) => void)>

/** Makes an element: attributes by name, `on…` for listeners, children as nodes or text; never as markup. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value as EventListener)
    else if (value === true) element.setAttribute(name, '')
    else if (value !== undefined && value !== false) element.setAttribute(name, String(value))
  }
  element.append(...(children.filter(Boolean) as (Node | string)[]))
  return element
}

/** The element of `index.html` with that id. */
export function byId<T extends HTMLElement>(id: string): T {
  const element = document.getElementById(id)
  if (!element) throw new Error(`index.html has no #${id}`)
  return element as T
}

/** Sets a text only where it differs, so that nothing is laid out or announced anew. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

/** Returns how to request `work`, which then runs once in the next frame, however often it was requested. */
export function perFrame(work: () => void): () => void {
  let requested = false
  return () => {
    if (requested) return
    requested = true
    requestAnimationFrame(() => {
      requested = false
      work()
    })
  }
}

/** Returns how to request `work`, which runs at once, then not before it has ended and `ms()` have passed. */
export function spaced(ms: () => number, work: () => Promise<void>): () => void {
  let busy = false
  let requested = false
  const run = async () => {
    if (busy) {
      requested = true
      return
    }
    busy = true
    requested = false
    await work()
    setTimeout(() => {
      busy = false
      if (requested) void run()
    }, ms())
  }
  return () => void run()
}
