import { livenessV1 } from '../../../functions/v1/liveness.ts'
import { testAnswers } from '../health/support.ts'

testAnswers(livenessV1)
