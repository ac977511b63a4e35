import { liveness } from '../../../functions/health/liveness.ts'
import { testAnswers, testHangs } from './support.ts'

testAnswers(liveness)
testHangs(liveness)
