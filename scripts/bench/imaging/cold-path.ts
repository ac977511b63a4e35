export { THUMBNAIL_RECIPE } from '../../../lib/imaging/recipe.ts'
export { renderAll } from '../../../lib/imaging/render.ts'
export { readyCodec } from '../../../lib/imaging/wasm/module.ts'
