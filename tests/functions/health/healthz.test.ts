import { healthz } from '../../../functions/health/healthz.ts'
import { testAnswers, testHangs } from './support.ts'

testAnswers(healthz)
testHangs(healthz)
