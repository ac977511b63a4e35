export { readyCodec } from '../../../lib/imaging/jpeg/module.ts'
export { THUMBNAIL_RECIPE } from '../../../lib/imaging/recipe.ts'
export { renderAll } from '../../../lib/imaging/render.ts'
