import { request, whenUnauthorized } from './api.ts'
import { byId, setText } from './dom.ts'

/** Remembers that somebody signed in here: the session itself is for the service only. */
const SIGNED_IN = 'signed-in'

/** Shows the form that a key is entered in whenever the service wants one; `onSignedIn` is called once it has taken it. */
export function openSignIn(onSignedIn: () => void): void {
  const form = byId<HTMLFormElement>('sign-in')
  const field = byId<HTMLInputElement>('key')
  const leave = byId('sign-out')
  const error = byId('sign-in-error')

  const show = (isNeeded: boolean) => {
    document.body.classList.toggle('closed', isNeeded)
    form.hidden = !isNeeded
    leave.hidden = isNeeded || localStorage.getItem(SIGNED_IN) === null
  }

  whenUnauthorized(() => {
    if (!form.hidden) return
    localStorage.removeItem(SIGNED_IN)
    show(true)
    field.focus()
  })
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const result = await request('POST', '/session', { key: field.value.trim() })
    if (!result.ok) return setText(error, result.status === 401 ? 'This key is not valid' : result.message)
    setText(error, '')
    field.value = ''
    localStorage.setItem(SIGNED_IN, 'true')
    show(false)
    onSignedIn()
  })
  leave.addEventListener('click', async () => {
    const result = await request('DELETE', '/session')
    if (!result.ok) return
    localStorage.removeItem(SIGNED_IN)
    location.reload()
  })
  show(false)
}
