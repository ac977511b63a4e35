import { liveness } from '../../../functions/health/liveness.ts'
import { testAnswers } from './support.ts'

testAnswers(liveness)
