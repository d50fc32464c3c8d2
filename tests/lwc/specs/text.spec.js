import { day, fill, isSome, messageOf, moment, money, webAddress } from 'c/stripeText';

const plain = (text) => text.replaceAll('\u00a0', ' ');

test('money keeps every digit of decimal text and names the currency by its code', () => {
    expect(plain(money('1234.50', 'EUR'))).toBe('EUR 1,234.50');
    expect(plain(money('1234', 'JPY'))).toBe('JPY 1,234');
    expect(plain(money('1.234', 'KWD'))).toBe('KWD 1.234');
});

test('money without a currency Intl knows is still shown', () => {
    expect(money('5.00', undefined)).toBe('5.00');
    expect(money('5.00', 'no')).toBe('5.00 no');
    expect(money(null, 'EUR')).toBe('');
});

test('a label is filled in the order of its placeholders', () => {
    expect(fill('{1} before {0}, {2}', 'a', 'b')).toBe('b before a, ');
});

test('zero is not some amount, however it is written', () => {
    expect(['0', '0.00', '', null, undefined].map(isSome)).toEqual([false, false, false, false, false]);
    expect(['0.01', '-5.00'].map(isSome)).toEqual([true, true]);
});

test('a moment of today is a time, another one carries its day', () => {
    const now = new Date(2026, 10, 26, 12, 0);

    expect(moment(new Date(2026, 10, 26, 9, 30), now)).toMatch(/^9:30\sAM$/);
    expect(moment(new Date(2026, 10, 25, 9, 30), now)).toMatch(/^Nov 25, 2026, 9:30\sAM$/);
    expect(moment('never')).toBe('');
});

test('a day is that day in every time zone', () => {
    expect(day('2026-12-31')).toBe('Dec 31, 2026');
    expect(day(null)).toBe('');
});

test('the message of an error is found where Apex and the data service put it', () => {
    expect(messageOf({ body: { message: 'a' } }, 'x')).toBe('a');
    expect(messageOf({ body: [{ message: 'a' }, { message: 'b' }] }, 'x')).toBe('a b');
    expect(messageOf({ body: [] }, 'x')).toBe('x');
    expect(messageOf(new Error('technical'), 'x')).toBe('x');
});

test('only addresses of the web become links', () => {
    expect(webAddress('https://invoice.stripe.com/i/1')).toBe('https://invoice.stripe.com/i/1');
    expect(webAddress('javascript:alert(1)')).toBe('');
    expect(webAddress(null)).toBe('');
});
