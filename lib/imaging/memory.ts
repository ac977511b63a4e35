import type { Probed } from './probe.ts'
import type { Recipe } from './recipe.ts'

export const memoryOfRender = ({ info }: Probed, _: Recipe): number => info.bytes
