import { livenessV1 } from '../../../functions/v1/liveness.ts'
import { testAnswers, testHangs } from '../health/support.ts'

testAnswers(livenessV1)
testHangs(livenessV1)
