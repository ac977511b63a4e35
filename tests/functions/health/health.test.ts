import { health } from '../../../functions/health/health.ts'
import { testAnswers } from './support.ts'

testAnswers(health)
