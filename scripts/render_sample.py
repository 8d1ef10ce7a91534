#!/usr/bin/env python3
"""Renders the pictures of the sample collection (assets/sample): signed distance fields, sphere-traced with numpy.

    python3 scripts/render_sample.py [NAME…]      # needs numpy and pillow

Every picture is made here from formulas, so the collection can be given away freely.
"""
import sys
from pathlib import Path

import numpy as np
from PIL import Image

OUT = Path(__file__).resolve().parent.parent / "assets" / "sample"
W, H, AA = 400, 320, 2
V = lambda *c: np.array(c, dtype=np.float32)


# --- distances: p is [n, 3], the answer [n] -----------------------------------------------------------------
def length(p):
    return np.sqrt((p * p).sum(-1))


def sphere(p, c, r):
    return length(p - V(*c)) - r


def ellipsoid(p, c, r):
    q = (p - V(*c)) / V(*r)
    k = length(q)
    return k * (k - 1) / np.maximum(length(q / V(*r)), 1e-6)


def box(p, c, b, r=0.0):
    q = np.abs(p - V(*c)) - V(*b) + r
    return length(np.maximum(q, 0)) + np.minimum(q.max(-1), 0) - r


def capsule(p, a, b, r, r2=None):
    a, b = V(*a), V(*b)
    pa, ba = p - a, b - a
    h = np.clip((pa @ ba) / (ba @ ba), 0, 1)
    return length(pa - h[:, None] * ba) - (r if r2 is None else r + (r2 - r) * h)


def cylinder(p, c, r, h, rim=0.0):
    q = p - V(*c)
    d = np.stack([np.hypot(q[:, 0], q[:, 2]) - r + rim, np.abs(q[:, 1]) - h + rim], -1)
    return np.minimum(d.max(-1), 0) + length(np.maximum(d, 0)) - rim


def cone(p, c, r1, r2, h):
    """Along y, centre c, half height h, radius r1 below and r2 above."""
    q = p - V(*c)
    t = np.clip((q[:, 1] + h) / (2 * h), 0, 1)
    side = (np.hypot(q[:, 0], q[:, 2]) - (r1 + (r2 - r1) * t)) * (2 * h) / np.hypot(2 * h, r1 - r2)
    return np.maximum(side, np.abs(q[:, 1]) - h)


def torus(p, c, R, r, axis=1):
    q = p - V(*c)
    flat = np.delete(q, axis, 1)
    return np.hypot(length(flat) - R, q[:, axis]) - r


def pyramid(p, c, half, height):
    q = p - V(*c)
    slope = np.maximum(np.abs(q[:, 0]), np.abs(q[:, 2])) - half * (1 - q[:, 1] / height)
    return np.maximum(slope * height / np.hypot(height, half), -q[:, 1])


def smin(a, b, k):
    h = np.clip(0.5 + 0.5 * (b - a) / k, 0, 1)
    return b + (a - b) * h - k * h * (1 - h)


def turn(p, angle, axis=1, at=(0, 0, 0)):
    """Rotates space, so that what is drawn turns by -angle degrees about an axis."""
    a = np.deg2rad(angle)
    i, j = [(1, 2), (0, 2), (0, 1)][axis]
    q = p - V(*at)
    out = q.copy()
    out[:, i] = np.cos(a) * q[:, i] - np.sin(a) * q[:, j]
    out[:, j] = np.sin(a) * q[:, i] + np.cos(a) * q[:, j]
    return out + V(*at)


# --- colour helpers ------------------------------------------------------------------------------------------
def hashed(i, j, k):
    n = np.sin(i * 127.1 + j * 311.7 + k * 74.7) * 43758.5453
    return n - np.floor(n)


def noise(p):
    i = np.floor(p)
    f = p - i
    f = f * f * (3 - 2 * f)
    total = 0
    for dx in (0, 1):
        for dy in (0, 1):
            for dz in (0, 1):
                w = np.abs(1 - dx - f[:, 0]) * np.abs(1 - dy - f[:, 1]) * np.abs(1 - dz - f[:, 2])
                total = total + w * hashed(i[:, 0] + dx, i[:, 1] + dy, i[:, 2] + dz)
    return total


def fbm(p, octaves=4):
    total, weight = 0, 0.5
    for _ in range(octaves):
        total = total + weight * noise(p)
        p, weight = p * 2.03 + 11.7, weight / 2
    return total


def mix(a, b, t):
    t = np.asarray(t)[..., None]
    return np.asarray(a) * (1 - t) + np.asarray(b) * t


def rgb(hexcode):
    c = np.array([hexcode >> 16, hexcode >> 8 & 255, hexcode & 255]) / 255
    return (c**2.2).astype(np.float32)


def flat(hexcode):
    return lambda p, n: np.broadcast_to(rgb(hexcode), p.shape)


def speckled(a, b, scale, sharp=1.0):
    return lambda p, n: mix(rgb(a), rgb(b), np.clip((fbm(p * scale) - 0.5) * sharp + 0.5, 0, 1))


def grass(p, n):
    blades = noise(p * V(60, 5, 25)) * 0.6 + fbm(p * 3) * 0.6
    return mix(rgb(0x2C5A16), rgb(0x86B23C), np.clip(blades, 0, 1))


def wood(p, n):
    return mix(rgb(0x7A4A22), rgb(0xB98046), np.clip(noise(p * V(2, 30, 30)) * 0.7 + noise(p * V(1, 8, 8)) * 0.4, 0, 1))


def sand(p, n):
    return mix(rgb(0xC79A5B), rgb(0xE8C88F), np.clip(fbm(p * 4) + 0.2 * np.sin(p[:, 0] * 9 + 3 * noise(p * 2)), 0, 1))


def sea(p, n):
    return mix(rgb(0x0C3A56), rgb(0x2F7FA0), np.clip(noise(p * V(3, 1, 9)), 0, 1))


def ridge_normals(strength, scale):
    return lambda p, n: n + strength * np.stack([noise(p * scale + s) - 0.5 for s in (0, 31.7, 77.3)], -1)


# --- the sky -------------------------------------------------------------------------------------------------
def sky_day(d):
    t = np.clip(d[:, 1] * 1.6, 0, 1)
    c = mix(rgb(0xCFE3F2), rgb(0x3F83C9), t)
    q = d / np.maximum(d[:, 1:2], 0.06)
    clouds = np.clip((fbm(q * 1.4 + 5, 5) - 0.52) * 4, 0, 1) * np.clip(d[:, 1] * 8, 0, 1)
    return mix(c, rgb(0xFFFFFF), clouds * 0.85)


def sky_sunset(d):
    t = np.clip(d[:, 1] * 2.2, 0, 1)
    c = mix(mix(rgb(0xFFB25E), rgb(0xE0607A), np.clip(t * 2, 0, 1)), rgb(0x3A3F7A), np.clip(t * 2 - 0.8, 0, 1))
    sun = np.clip((d @ (V(0.35, 0.1, 1) / np.linalg.norm([0.35, 0.1, 1])) - 0.9985) * 2500, 0, 1)
    return mix(c, rgb(0xFFF3C8) * 1.5, sun)


def sky_space(d):
    cell = np.floor(d * 130)
    star = hashed(cell[:, 0], cell[:, 1], cell[:, 2])
    bright = np.where(star > 0.985, (star - 0.985) / 0.015, 0) ** 2
    return bright[:, None] * V(1, 0.97, 0.9) + rgb(0x05060C)


def sky_night(d):
    return mix(rgb(0x1B1510), rgb(0x05060A), np.clip(d[:, 1] + 0.4, 0, 1))


def studio(a, b):
    return lambda d: mix(rgb(a), rgb(b), np.clip(d[:, 1] * 0.9 + 0.5, 0, 1))


# --- tracing -------------------------------------------------------------------------------------------------
def render(things, sky=sky_day, eye=(0, 1.2, -5), at=(0, 0.6, 0), zoom=1.9, sun=(0.6, 0.8, -0.5), sun_colour=(3.0, 2.8, 2.4), ambient=0.55, fog=0.0, far=60.0):
    """`things`: list of (distance, colour, shine, normals or None); colour may exceed 1 to glow."""
    distances = [t[0] for t in things]
    w, h = W * AA, H * AA
    eye, at, sun = V(*eye), V(*at), V(*sun) / np.linalg.norm(sun)
    z = (at - eye) / np.linalg.norm(at - eye)
    x = np.cross(V(0, 1, 0), z)
    x /= np.linalg.norm(x)
    y = np.cross(z, x)
    py, px = np.mgrid[0:h, 0:w].astype(np.float32)
    u, v = (px.ravel() + 0.5 - w / 2) / h, (h / 2 - py.ravel() - 0.5) / h
    d = u[:, None] * x + v[:, None] * y + zoom / 2 * z
    d = (d / length(d)[:, None]).astype(np.float32)

    def field(p):
        return np.minimum.reduce([f(p) for f in distances])

    def march(o, d, far, steps, sharp=None):
        t = np.full(len(d), 0.01, np.float32)
        light = np.ones(len(d), np.float32)
        alive = np.arange(len(d))
        for _ in range(steps):
            s = field(o[alive] + d[alive] * t[alive, None])
            if sharp:
                light[alive] = np.minimum(light[alive], np.clip(sharp * s / t[alive], 0, 1))
            t[alive] += np.maximum(s * 0.85, 0.0008)
            alive = alive[(s > 0.0006) & (t[alive] < far)]
            if not len(alive):
                break
        return t, light

    t, _ = march(np.broadcast_to(eye, d.shape), d, far, 160)
    colour = sky(d)
    seen = np.flatnonzero(t < far)
    p = eye + d[seen] * t[seen, None]
    n = np.stack([field(p + V(*e)) - field(p - V(*e)) for e in np.eye(3) * 0.0015], -1)
    n /= np.maximum(length(n)[:, None], 1e-9)
    which = np.argmin([f(p) for f in distances], 0)
    albedo, shine = np.zeros_like(p), np.zeros(len(p))
    for i, (_, paint, gloss, bump) in enumerate(things):
        m = which == i
        if m.any():
            if bump:
                b = bump(p[m], n[m])
                n[m] = b / length(b)[:, None]
            albedo[m], shine[m] = paint(p[m], n[m]), gloss
    lit = np.clip(n @ sun, 0, 1)
    _, shade = march(p + n * 0.012, np.broadcast_to(sun, p.shape).astype(np.float32), 12.0, 48, sharp=10)
    near = np.clip(sum((0.5**k) * (field(p + n * (0.06 * 2**k)) / (0.06 * 2**k)) for k in range(3)) / 1.75, 0.15, 1)
    half = sun - d[seen]
    half /= length(half)[:, None]
    spec = shine * np.clip((n * half).sum(-1), 0, 1) ** 60 * shade
    mirror = d[seen] - 2 * (d[seen] * n).sum(-1)[:, None] * n
    fresnel = shine * (0.04 + 0.5 * np.clip(1 + (d[seen] * n).sum(-1), 0, 1) ** 4)
    out = albedo * (ambient * near[:, None] * mix(V(0.75, 0.85, 1.0), V(1, 0.97, 0.92), n[:, 1] * 0.5 + 0.5) + (lit * shade)[:, None] * V(*sun_colour) * 0.42)
    out = out + spec[:, None] * V(*sun_colour) * 0.5 + fresnel[:, None] * np.minimum(sky(mirror), 1.2) * near[:, None]
    if fog:
        out = mix(out, sky(d[seen]), 1 - np.exp(-fog * t[seen]))
    colour = colour.copy()
    colour[seen] = out
    colour = colour.reshape(H, AA, W, AA, 3).mean((1, 3))
    colour = np.clip(colour * (1 + colour / 6) / (1 + colour * 0.35), 0, 1) ** (1 / 2.2)
    return Image.fromarray((colour * 255 + 0.5).astype(np.uint8))


# --- the things ----------------------------------------------------------------------------------------------
ground = lambda y=0.0: lambda p: p[:, 1] - y
lawn = (lambda p: p[:, 1] - 0.02 * noise(p * 25), grass, 0, None)
table = (ground(), wood, 0.15, None)
cloth = lambda c: (ground(), flat(c), 0.0, None)


def fibonacci(n):
    i = np.arange(n) + 0.5
    phi, y = np.pi * (1 + 5**0.5) * i, 1 - 2 * i / n
    r = np.sqrt(1 - y * y)
    return np.stack([r * np.cos(phi), y, r * np.sin(phi)], -1).astype(np.float32)


def nearest(p, points):
    q = p / length(p)[:, None]
    dots = q @ points.T
    best = dots.argmax(1)
    return best, np.arccos(np.clip(dots[np.arange(len(q)), best], -1, 1)), points[best]


def golf_dimples(c):
    points = fibonacci(330)

    def bump(p, n):
        _, angle, centre = nearest(p - V(*c), points)
        return n + 0.75 * np.where(angle < 0.082, angle / 0.082, 0)[:, None] * (n - centre) / np.maximum(length(n - centre)[:, None], 1e-6) * -1

    return bump


def golf_ball(c, r):
    return (lambda p: sphere(p, c, r), flat(0xF6F6F2), 0.6, golf_dimples(c))


def scenes():
    s = {}

    def scene(name, things, **view):
        s[name] = lambda: render(things, **view)

    # sports
    scene("golf_ball_on_tee", [lawn, golf_ball((0, 1.0, 0), 0.62), (lambda p: np.minimum(cone(p, (0, 0.3, 0), 0.07, 0.1, 0.3), cone(p, (0, 0.5, 0), 0.1, 0.3, 0.1)), flat(0xD8362A), 0.4, None)], at=(0, 0.75, 0), eye=(0.3, 0.9, -4), zoom=2.6)
    scene("golf_balls", [lawn] + [golf_ball((x, 0.42, z), 0.42) for x, z in ((-0.9, 0), (0, -0.3), (0.9, 0.1), (-0.4, 0.9), (0.55, 1.0))] + [golf_ball((0.05, 1.02, 0.4), 0.42)], at=(0, 0.5, 0.2), eye=(0, 1.6, -4.5), zoom=2.4)

    def seam(p, n):
        q = turn(turn(p - V(0, 0.8, 0), 25), 20, 0) / 0.8
        a = np.arctan2(q[:, 2], q[:, 0])
        line = np.abs(q[:, 1] - 0.45 * np.sin(2 * a)) < 0.045
        return np.where(line[:, None], rgb(0xF4F4EC), mix(rgb(0xB9D32B), rgb(0xDDF04A), noise(p * 60)))

    scene("tennis_ball", [(ground(), lambda p, n: np.where((np.abs(p[:, 0] + 0.4 * p[:, 2] - 0.9) < 0.13)[:, None], rgb(0xF2F2F2), mix(rgb(0x9C4A2C), rgb(0xB75D3A), fbm(p * 9))), 0, None), (lambda p: sphere(p, (0, 0.8, 0), 0.8) + 0.012 * noise(p * 70), seam, 0, None)], at=(0, 0.7, 0), zoom=2.6)

    def basketball(p, n):
        q = turn(turn(p - V(0, 0.9, 0), 30), 25, 0) / 0.9
        lines = np.minimum.reduce([np.abs(q[:, 0]), np.abs(q[:, 1]), np.abs(np.abs(q[:, 2]) - 0.62 + 0.35 * q[:, 1] ** 2)])
        return np.where((lines < 0.02)[:, None], rgb(0x17120E), mix(rgb(0xB5521B), rgb(0xD97328), noise(p * 45)))

    floor = (ground(), lambda p, n: mix(rgb(0xB98A52), rgb(0xD9AE74), np.clip(noise(p * V(14, 1, 1.2)) * 0.8 + 0.2 * (np.mod(p[:, 0], 0.35) < 0.02), 0, 1)), 0.35, None)
    scene("basketball", [floor, (lambda p: sphere(p, (0, 0.9, 0), 0.9), basketball, 0.25, None)], sky=studio(0x5A4634, 0x2C2A33), at=(0, 0.8, 0), zoom=2.5)

    phi = (1 + 5**0.5) / 2
    icosa = np.array([v for a in (-1, 1) for b in (-phi, phi) for v in ((0, a, b), (a, b, 0), (b, 0, a))], np.float32)
    icosa /= np.linalg.norm(icosa[0])

    def football(p, n):
        _, angle, _ = nearest(turn(turn(p - V(0, 0.9, 0), 18), 12, 0), icosa)
        return np.where((angle < 0.36)[:, None], rgb(0x16171A), np.where((angle < 0.385)[:, None], rgb(0x9A9A9A), rgb(0xF4F4F2)))

    scene("soccer_ball", [lawn, (lambda p: sphere(p, (0, 0.9, 0), 0.9), football, 0.4, None)], at=(0, 0.85, 0), zoom=2.5)

    # food
    orange_skin = ridge_normals(0.35, 38.0)
    orange = lambda c, r=0.62: (lambda p: ellipsoid(p, c, (r, r * 0.94, r)), speckled(0xE8730C, 0xF79420, 5), 0.5, orange_skin)
    scene("oranges", [table, orange((-0.75, 0.58, 0.2)), orange((0.6, 0.58, 0)), orange((0.0, 0.58, 0.95)), (lambda p: ellipsoid(p, (-0.7, 1.17, 0.2), (0.06, 0.03, 0.06)), flat(0x3F6B22), 0, None)], at=(0, 0.5, 0.2), eye=(0, 1.8, -4.4), zoom=2.5)
    lemon = lambda c, a: (lambda p: smin(ellipsoid(turn(p, a, 1, c), c, (0.62, 0.44, 0.44)), ellipsoid(turn(p, a, 1, c), (c[0] + 0.6, c[1], c[2]), (0.16, 0.1, 0.1)), 0.12), speckled(0xF2CC0F, 0xFBE34A, 6), 0.5, ridge_normals(0.3, 34.0))
    scene("lemons", [cloth(0x7FA7B8), lemon((-0.6, 0.44, 0), 20), lemon((0.7, 0.44, 0.3), -40), lemon((0.05, 0.44, 1.1), 75)], at=(0, 0.35, 0.3), eye=(0, 2.0, -4.0), zoom=2.5)

    def apple(c, a, b, r=0.66):
        body = lambda p: torus((p - V(*c)) * V(1, 0.92, 1), (0, 0, 0), r * 0.42, r * 0.62)
        def skin(p, n):
            q = p - V(*c)
            return mix(rgb(a), rgb(b), np.clip(fbm(np.stack([np.arctan2(q[:, 2], q[:, 0]) * 6, q[:, 1] * 1.2, q[:, 1] * 0], -1)) * 1.1, 0, 1))
        return [(body, skin, 0.7, None), (lambda p: capsule(p, (c[0], c[1] + 0.15, c[2]), (c[0] + 0.1, c[1] + 0.72, c[2]), 0.03), flat(0x4B3118), 0, None), (lambda p: ellipsoid(turn(p, -25, 2, (c[0] + 0.28, c[1] + 0.62, c[2])), (c[0] + 0.28, c[1] + 0.62, c[2]), (0.24, 0.025, 0.11)), flat(0x4C8A2A), 0.2, None)]

    scene("green_apple", [table] + apple((0, 0.58, 0), 0x8FBF2B, 0xA9D24A), sky=studio(0xD8DDE2, 0xF5F5F5), at=(0, 0.62, 0), zoom=2.7)
    scene("red_apples", [cloth(0xE9E2D3)] + apple((-0.75, 0.58, 0.1), 0xA4161A, 0xD9482B) + apple((0.7, 0.58, 0.3), 0xB3121D, 0xE0632F), at=(0, 0.5, 0.2), zoom=2.4)

    def bananas(p):
        d = 9.0
        for k in range(4):
            q = turn(p - V(0, 0.28 + 0.09 * k, 0.22 * k - 0.3), -8 + 6 * k, 0)
            angle = np.arctan2(q[:, 1] - 1.35, q[:, 0])
            along = np.clip(np.abs(angle + np.pi / 2) / 0.95, 0, 1)
            arc = np.clip(angle, -np.pi / 2 - 0.95, -np.pi / 2 + 0.95)
            on = np.stack([1.4 * np.cos(arc), 1.35 + 1.4 * np.sin(arc), 0 * arc], -1)
            d = np.minimum(d, (length(q - on) - 0.2 * (1 - 0.75 * along**5)) * 0.8)
        return d

    def peel(p, n):
        tip = np.abs(p[:, 0]) > 1.08
        return np.where(tip[:, None], rgb(0x6B5A1C), mix(rgb(0xF0C419), rgb(0xF8DE55), fbm(p * V(2, 9, 9))))

    scene("bananas", [cloth(0xDFE6EA), (bananas, peel, 0.3, None)], sky=studio(0xDDE3E8, 0xFFFFFF), at=(0, 0.6, 0), eye=(0.4, 1.7, -4.2), zoom=2.3)

    seeds = fibonacci(140)

    def strawberry(c, tilt):
        shape = lambda p: (lambda q: smin(sphere(q, (0, 0.12, 0), 0.4), ellipsoid(q, (0, -0.18, 0), (0.27, 0.42, 0.27)), 0.25))(turn(p, tilt, 2, c) - V(*c))
        def skin(p, n):
            q = turn(p, tilt, 2, c) - V(*c)
            _, angle, _ = nearest(q * V(1, 0.75, 1), seeds)
            return np.where((angle < 0.045)[:, None], rgb(0xF0D070), mix(rgb(0xC2121F), rgb(0xE5303A), noise(p * 6)))
        def leaves(p):
            q = turn(p, tilt, 2, c) - V(*c)
            a = np.arctan2(q[:, 2], q[:, 0])
            return np.maximum(ellipsoid(q, (0, 0.47, 0), (0.34, 0.07, 0.34)), length(q[:, ::2]) - 0.16 - 0.2 * np.abs(np.cos(a * 3))) * 0.7
        return [(shape, skin, 0.6, None), (leaves, flat(0x3E7D27), 0.1, None)]

    scene("strawberries", [cloth(0xF4F1EA)] + strawberry((-0.62, 0.5, 0), 12) + strawberry((0.5, 0.5, 0.1), -16) + strawberry((0.0, 0.5, 0.75), 4), at=(0, 0.42, 0.2), eye=(0, 1.4, -3.6), zoom=2.6)

    def pumpkin(p):
        q = p - V(0, 0.72, 0)
        a = np.arctan2(q[:, 2], q[:, 0])
        return (ellipsoid(q, (0, 0, 0), (1.0, 0.74, 1.0)) + 0.09 * (1 - np.abs(np.sin(a * 5))) * np.clip(length(q[:, ::2]), 0, 1)) * 0.8

    scene("pumpkin", [(lambda p: p[:, 1] - 0.05 * noise(p * 6), speckled(0x6B4A26, 0xA97B3E, 7), 0, None), (pumpkin, speckled(0xD8640F, 0xF08A24, 4), 0.35, None), (lambda p: capsule(p, (0, 1.25, 0), (0.14, 1.62, 0), 0.12, 0.09), flat(0x5E6B2A), 0, None)], at=(0, 0.75, 0), zoom=2.5)

    def cap(p, n):
        q = p - V(0, 1.1, 0)
        _, angle, _ = nearest(q, fibonacci(46))
        spots = (angle < 0.13) & (q[:, 1] > 0.05)
        return np.where((n[:, 1] < -0.2)[:, None], rgb(0xF3EBDC), np.where(spots[:, None], rgb(0xF7F3EA), rgb(0xC81E1A)))

    scene("mushroom", [lawn, (lambda p: np.maximum(ellipsoid(p, (0, 1.05, 0), (0.95, 0.6, 0.95)), 1.0 - p[:, 1]), cap, 0.5, None), (lambda p: smin(capsule(p, (0, 0, 0), (0, 1.0, 0), 0.24, 0.16), ellipsoid(p, (0, 0.08, 0), (0.33, 0.2, 0.33)), 0.1), flat(0xF1E8D6), 0, None)], at=(0, 0.75, 0), zoom=2.4)
    burger = [(lambda p: np.maximum(ellipsoid(p, (0, 0.95, 0), (1.0, 0.62, 1.0)), 0.95 - p[:, 1]), lambda p, n: np.where((nearest(p - V(0, 0.7, 0), fibonacci(160))[1] < 0.045)[:, None], rgb(0xF3E2B3), rgb(0xC9843A)), 0.3, None), (lambda p: cylinder(p, (0, 0.84, 0), 1.03 + 0 * p[:, 0] + 0.06 * np.sin(9 * np.arctan2(p[:, 2], p[:, 0])), 0.05, 0.04) * 0.7, flat(0x63A02C), 0.2, None), (lambda p: box(turn(p, 45), (0, 0.72, 0), (0.83, 0.03, 0.83), 0.02), flat(0xF5B82E), 0.3, None), (lambda p: cylinder(p, (0, 0.52, 0), 0.98, 0.16, 0.12) + 0.03 * noise(p * 9), speckled(0x3B1E10, 0x6B3B20, 9), 0.2, None), (lambda p: cylinder(p, (0, 0.2, 0), 0.98, 0.16, 0.1), flat(0xD29A50), 0.1, None)]
    scene("cheeseburger", [cloth(0x3A3F46)] + burger, sky=studio(0x33363B, 0x5B6068), at=(0, 0.7, 0), eye=(0, 1.5, -4), zoom=2.4)

    # at home
    mug = lambda p: np.minimum(np.maximum(cylinder(p, (0, 0.65, 0), 0.55, 0.65, 0.03), -cylinder(p, (0, 0.8, 0), 0.48, 0.7)), np.maximum(torus(p, (0.6, 0.65, 0), 0.33, 0.07, 2), 0.5 - p[:, 0]))
    scene("coffee_mug", [table, (mug, flat(0xECEFF2), 0.7, None), (lambda p: cylinder(p, (0, 0.6, 0), 0.485, 0.55), flat(0x2A1508), 0.5, None)], sky=studio(0xA79A8C, 0xDDD5CB), at=(0.1, 0.6, 0), eye=(0.2, 2.3, -3.8), zoom=2.5)

    def teapot(p):
        body = smin(ellipsoid(p, (0, 0.65, 0), (0.85, 0.65, 0.85)), capsule(p, (-0.7, 0.55, 0), (-1.3, 1.05, 0), 0.16, 0.08), 0.12)
        return np.minimum.reduce([body, np.maximum(torus(p, (0.85, 0.68, 0), 0.38, 0.075, 2), 0.75 - p[:, 0]), ellipsoid(p, (0, 1.2, 0), (0.5, 0.14, 0.5)), sphere(p, (0, 1.4, 0), 0.11)])

    scene("teapot", [cloth(0xE6DCCB), (teapot, flat(0x2F6DA5), 0.9, None)], sky=studio(0xBFB6A9, 0xF1ECE4), at=(-0.1, 0.65, 0), eye=(0, 1.6, -4.6), zoom=2.4)
    scene("candle", [(ground(), flat(0x3A2417), 0.2, None), (lambda p: cylinder(p, (0, 0.7, 0), 0.3, 0.7, 0.05), lambda p, n: mix(rgb(0xC98B4A), rgb(0xFFE9B0) * 2.2, np.clip((p[:, 1] - 0.5) / 0.9, 0, 1)), 0.3, None), (lambda p: capsule(p, (0, 1.4, 0), (0, 1.52, 0), 0.014), flat(0x111111), 0, None), (lambda p: smin(sphere(p, (0, 1.62, 0), 0.09), ellipsoid(p, (0, 1.78, 0), (0.055, 0.24, 0.055)), 0.08), lambda p, n: mix(rgb(0xFFF6C8) * 9, rgb(0xFF9A2A) * 6, np.clip((p[:, 1] - 1.6) / 0.45, 0, 1)), 0, None)], sky=sky_night, sun=(0, 1, -0.2), sun_colour=(0.9, 0.6, 0.3), ambient=0.22, at=(0, 1.0, 0), zoom=2.4)
    lamp_shade = lambda p: np.maximum(np.abs(cone(p, (0, 1.75, 0), 0.75, 0.42, 0.42)) - 0.015, np.abs(p[:, 1] - 1.75) - 0.41)
    scene("table_lamp", [table, (lamp_shade, lambda p, n: np.broadcast_to(rgb(0xFFE2A8) * 2.4, p.shape), 0, None), (lambda p: np.minimum.reduce([capsule(p, (0, 0.1, 0), (0, 1.6, 0), 0.05), cylinder(p, (0, 0.06, 0), 0.42, 0.06, 0.03), sphere(p, (0, 0.5, 0), 0.2)]), flat(0x8C6A3B), 0.8, None)], sky=studio(0x3B2E28, 0x4B3C33), sun=(0, 0.9, -0.6), sun_colour=(2.0, 1.5, 1.0), ambient=0.35, at=(0, 1.05, 0), zoom=1.9)
    scene("wooden_chair", [(ground(), flat(0xB9B4AA), 0.1, None), (lambda p: np.minimum.reduce([box(p, (0, 0.8, 0), (0.5, 0.05, 0.5), 0.03)] + [capsule(p, (x, 0, z), (x, 0.8, z), 0.055) for x in (-0.43, 0.43) for z in (-0.43, 0.43)] + [capsule(p, (x, 0.8, 0.45), (x, 1.8, 0.55), 0.05) for x in (-0.43, 0.43)] + [box(p, (0, y, 0.52), (0.45, 0.07, 0.025), 0.02) for y in (1.2, 1.45, 1.72)]), wood, 0.2, None)], sky=studio(0xCFC9BF, 0xECE8E1), at=(0, 0.9, 0), eye=(2.4, 1.9, -4.0), zoom=1.9)

    def clock_face(p, n):
        r, a = np.hypot(p[:, 0], p[:, 1] - 1), np.arctan2(p[:, 0], p[:, 1] - 1)
        tick = (np.abs(np.mod(a + np.pi / 12, np.pi / 6) - np.pi / 12) * r < 0.022) & (r > 0.7) & (r < 0.86)
        def hand(angle, far, wide):
            s, c = np.sin(angle), np.cos(angle)
            along, off = p[:, 0] * s + (p[:, 1] - 1) * c, np.abs(p[:, 0] * c - (p[:, 1] - 1) * s)
            return (along > -0.08) & (along < far) & (off < wide)
        dark = tick | hand(np.deg2rad(-55), 0.48, 0.035) | hand(np.deg2rad(60), 0.72, 0.024)
        return np.where((r > 0.95)[:, None], rgb(0x26292E), np.where(dark[:, None], rgb(0x15171A), rgb(0xF7F5EF)))

    def disc_z(p, c, r, h, rim):
        return cylinder((p - V(*c))[:, [0, 2, 1]], (0, 0, 0), r, h, rim)

    scene("wall_clock", [(lambda p: 0.2 - p[:, 2], flat(0x8FA8A0), 0, None), (lambda p: disc_z(p, (0, 1, 0), 1.05, 0.12, 0.05), clock_face, 0.2, None)], at=(0, 1, 0), eye=(0.4, 1.1, -4.4), zoom=2.6)
    books = [0x9C2F2F, 0x2F5D8C, 0x3F7A4A, 0xC79A3A, 0x5B3B75, 0x2B2E33, 0xB8643A, 0x8C8F94]
    scene("bookshelf", [(lambda p: np.minimum.reduce([box(p, (0, y, 0.5), (2.4, 0.05, 0.5)) for y in (0, 1.05, 2.1)] + [0.95 - p[:, 2]]), wood, 0.1, None)] + [((lambda c: lambda p: np.minimum.reduce([box(p, ((k - 8) * 0.27 + 0.02 * c, y + 0.35 + 0.1 * ((k * 7 + c) % 4) / 2, 0.45), (0.11, 0.33 + 0.1 * ((k * 7 + c) % 4) / 2, 0.3), 0.02) for k in range(17) for y in (0.03, 1.08) if (k * 5 + int(y) * 3) % 8 == c]))(c), flat(col), 0.15, None) for c, col in enumerate(books)], sky=studio(0x55504A, 0x8A847B), at=(0, 1.05, 0.4), eye=(0, 1.3, -3.6), zoom=2.1, sun=(0.3, 0.7, -0.9))

    # on the road, in the air, at sea
    def bus(p):
        return np.minimum(box(p, (0.2, 0.95, 0), (1.7, 0.62, 0.62), 0.12), box(p, (-1.75, 0.65, 0), (0.5, 0.32, 0.58), 0.1))

    def bus_paint(p, n):
        windows = (p[:, 1] > 1.02) & (p[:, 1] < 1.36) & (np.mod(p[:, 0] + 0.05, 0.46) > 0.07) & (p[:, 0] < 1.75) & (np.abs(n[:, 2]) > 0.7)
        front = (p[:, 0] < -1.3) & (p[:, 1] > 1.02) & (p[:, 1] < 1.38) & (np.abs(n[:, 0]) > 0.7)
        stripe = (np.abs(p[:, 1] - 0.78) < 0.03) | (np.abs(p[:, 1] - 0.6) < 0.025)
        return np.where((windows | front)[:, None], rgb(0x20303C), np.where(stripe[:, None], rgb(0x17171A), rgb(0xF5A800)))

    wheels = lambda at, r, z: lambda p: np.minimum.reduce([disc_z(p, (x, r, s), r, 0.11, 0.05) for x in at for s in (-z, z)])
    hub = lambda centre, r: lambda p, n: np.where((np.min([np.hypot(p[:, 0] - x, p[:, 1] - r) for x in centre], 0) < r * 0.5)[:, None], rgb(0xB9BDC2), rgb(0x17181A))
    road = (ground(), lambda p, n: np.where(((np.abs(p[:, 2] + 2.0) < 0.06) & (np.mod(p[:, 0], 1.6) < 0.9))[:, None], rgb(0xF0EFE6), mix(rgb(0x3A3B3D), rgb(0x55575A), noise(p * 30))), 0.05, None)
    scene("school_bus", [road, (bus, bus_paint, 0.5, None), (wheels((-1.55, 1.2), 0.34, 0.6), hub((-1.55, 1.2), 0.34), 0.2, None)], at=(0, 0.75, 0), eye=(-2.6, 1.7, -5.0), zoom=2.2)

    def car(p):
        return smin(box(p, (0, 0.55, 0), (1.6, 0.27, 0.68), 0.18), box(p, (0.1, 0.95, 0), (0.8, 0.3, 0.56), 0.22), 0.12)

    def car_paint(p, n):
        glass = (p[:, 1] > 0.88) & (p[:, 1] < 1.16) & (np.abs(p[:, 0] - 0.1) > 0.04)
        light = (np.abs(p[:, 0]) > 1.48) & (np.abs(p[:, 2]) > 0.36) & (np.abs(p[:, 1] - 0.6) < 0.08)
        return np.where(glass[:, None], rgb(0x1C2730), np.where(light[:, None], rgb(0xFFF3C9) * 1.5, rgb(0xC41E24)))

    scene("red_car", [road, (car, car_paint, 0.9, None), (wheels((-1.0, 1.0), 0.32, 0.62), hub((-1.0, 1.0), 0.32), 0.2, None)], at=(0, 0.55, 0), eye=(-2.2, 1.5, -4.6), zoom=2.4)

    def lights(p, n):
        out = np.broadcast_to(rgb(0x1E2023), p.shape).copy()
        for y, c, glow in ((2.3, 0xFF2A1A, 3.0), (1.8, 0x6B4A08, 0.6), (1.3, 0x0C4A1C, 0.6)):
            out[(np.hypot(p[:, 0], p[:, 1] - y) < 0.2) & (n[:, 2] < -0.5)] = rgb(c) * glow
        return out

    scene("traffic_light", [(lambda p: box(p, (0, 1.8, 0), (0.34, 0.82, 0.2), 0.06), lights, 0.3, None), (lambda p: cylinder(p, (0, 0, 0), 0.08, 1.2), flat(0x55585C), 0.4, None)], at=(0, 1.65, 0), eye=(0.5, 1.3, -4.6), zoom=2.3)

    def stop(p, n):
        x, y = p[:, 0], p[:, 1] - 1.9
        edge = np.maximum(np.maximum(np.abs(x), np.abs(y)), (np.abs(x) + np.abs(y)) / 2**0.5)
        letters = {"S": "111100111001111", "T": "111010010010010", "O": "111101101101111", "P": "111101111100100"}
        ink = np.zeros(len(x), bool)
        for k, ch in enumerate("STOP"):
            u, v = ((x + 0.62 - k * 0.33) / 0.085).astype(int), ((0.22 - y) / 0.09).astype(int)
            inside = (x + 0.62 - k * 0.33 > 0) & (u < 3) & (0.22 - y > 0) & (v < 5)
            bits = np.array([b == "1" for b in letters[ch]])
            ink |= inside & bits[np.clip(v * 3 + u, 0, 14)]
        return np.where((ink | ((edge > 0.76) & (edge < 0.82)))[:, None], rgb(0xFAFAFA), rgb(0xB3151B))

    octagon = lambda p: np.maximum(np.maximum(np.maximum(np.abs(p[:, 0]), np.abs(p[:, 1] - 1.9)), (np.abs(p[:, 0]) + np.abs(p[:, 1] - 1.9)) / 2**0.5) - 0.85, np.abs(p[:, 2]) - 0.03)
    scene("stop_sign", [lawn, (octagon, stop, 0.2, None), (lambda p: cylinder(p, (0, 0.6, 0.08), 0.05, 1.3), flat(0x9A9DA1), 0.5, None)], at=(0, 1.5, 0), eye=(0.5, 1.5, -4.8), zoom=2.1)

    water = (ground(), sea, 0.9, lambda p, n: n + 0.22 * np.stack([noise(p * V(3, 1, 7)) - 0.5, 0 * p[:, 0], noise(p * V(3, 1, 7) + 19) - 0.5], -1))
    hull = lambda p: np.maximum(ellipsoid(p, (0, 0.28, 0), (1.15, 0.36, 0.36)), p[:, 1] - 0.32)
    def sail(p):
        main = np.maximum.reduce([np.abs(p[:, 2] + 0.1 * np.sin((p[:, 1] - 0.4) * 1.6)) - 0.012, 0.08 - p[:, 0], (p[:, 0] / 1.0 + (p[:, 1] - 0.5) / 2.0 - 1) * 0.8, 0.5 - p[:, 1]])
        jib = np.maximum.reduce([np.abs(p[:, 2] + 0.08 * np.sin((p[:, 1] - 0.4) * 1.6)) - 0.012, p[:, 0] + 0.06, (-p[:, 0] / 0.95 + (p[:, 1] - 0.4) / 1.7 - 1) * 0.8, 0.42 - p[:, 1]])
        return np.minimum(main, jib) * 0.9
    boat = [water, (hull, flat(0xF3F3EF), 0.5, None), (sail, flat(0xFCFBF6), 0, None), (lambda p: capsule(p, (0, 0.3, 0), (0, 2.6, 0), 0.03), flat(0x6A4A2A), 0, None)]
    scene("sailboat", boat, at=(0, 1.1, 0), eye=(0.6, 1.0, -6), zoom=2.1, fog=0.012)
    scene("sailboat_at_sunset", boat, sky=sky_sunset, sun=(0.35, 0.25, 1), sun_colour=(2.6, 1.5, 0.8), ambient=0.4, at=(0.4, 1.0, 0), eye=(-0.3, 0.8, -8), zoom=2.0, fog=0.02)

    def balloon_paint(p, n):
        a = np.arctan2(p[:, 2], p[:, 0])
        k = (np.floor((a + np.pi) / (2 * np.pi) * 16) % 4).astype(int)
        return np.array([rgb(0xD7263D), rgb(0xF6C026), rgb(0x1B77B5), rgb(0xF4F4F0)])[k]

    balloon = lambda p: smin(sphere(p, (0, 2.2, 0), 1.0), cone(p, (0, 1.3, 0), 0.25, 0.8, 0.45), 0.2)
    basket = lambda p: np.minimum(box(p, (0, 0.4, 0), (0.2, 0.15, 0.2), 0.03), np.minimum.reduce([capsule(p, (x, 0.5, z), (x * 1.4, 0.95, z * 1.4), 0.012) for x in (-0.17, 0.17) for z in (-0.17, 0.17)]))
    hills = (lambda p: (p[:, 1] + 2.2 - 1.6 * fbm(p * V(0.16, 0, 0.16) + 3)) * 0.6, speckled(0x4C7A35, 0x86A653, 0.8), 0, None)
    scene("hot_air_balloon", [hills, (balloon, balloon_paint, 0.2, None), (basket, wood, 0, None)], at=(0, 1.6, 0), eye=(0.5, 1.4, -6.4), zoom=2.0, fog=0.015)

    def canopy(p):
        return np.maximum(np.abs(ellipsoid(p, (0, 2.0, 0), (1.15, 0.75, 1.15))) - 0.015, 2.0 - p[:, 1])

    scene("parachute", [(canopy, lambda p, n: np.where((np.floor((np.arctan2(p[:, 2], p[:, 0]) + np.pi) / (2 * np.pi) * 14) % 2 == 0)[:, None], rgb(0xE8622C), rgb(0xF5F3EC)), 0.1, None), (lambda p: np.minimum.reduce([capsule(p, (1.13 * np.cos(a), 2.0, 1.13 * np.sin(a)), (0, 0.62, 0), 0.009) for a in np.linspace(0, 2 * np.pi, 10)[:-1]]), flat(0x2B2B2B), 0, None), (lambda p: np.minimum.reduce([capsule(p, (0, 0.3, 0), (0, 0.55, 0), 0.1), sphere(p, (0, 0.72, 0), 0.08), capsule(p, (-0.05, 0.28, 0), (-0.1, -0.05, 0), 0.05), capsule(p, (0.05, 0.28, 0), (0.1, -0.05, 0), 0.05)]), flat(0x23406B), 0, None)], at=(0, 1.3, 0), eye=(0.3, 0.6, -6), zoom=2.1)
    tower = lambda p: cone(p, (0, 1.5, 0), 0.5, 0.32, 1.5)
    scene("lighthouse", [(lambda p: np.minimum(p[:, 1] + 0.3, (sphere(p, (0, -1.2, 0.3), 1.5) + 0.25 * fbm(p * 2)) * 0.7), lambda p, n: np.where((p[:, 1] < -0.26)[:, None], sea(p, n), speckled(0x5A5248, 0x8D8474, 4)(p, n)), 0.1, None), (tower, lambda p, n: np.where((np.floor(p[:, 1] / 0.6) % 2 == 0)[:, None], rgb(0xC3202A), rgb(0xF5F4EF)), 0.1, None), (lambda p: np.minimum(cylinder(p, (0, 3.05, 0), 0.45, 0.05), cone(p, (0, 3.65, 0), 0.36, 0.02, 0.18)), flat(0x24272B), 0.1, None), (lambda p: cylinder(p, (0, 3.28, 0), 0.24, 0.2), lambda p, n: np.broadcast_to(rgb(0xFFE9A0) * 3, p.shape), 0, None)], at=(0, 1.7, 0), eye=(1.2, 1.0, -8), zoom=2.1, fog=0.01)

    # places
    def castle(p):
        towers = [cylinder(p, (x, 1.0, z), 0.42, 1.3) for x in (-1.4, 1.4) for z in (-0.9, 0.9)]
        walls = np.maximum(box(p, (0, 0.7, 0), (1.4, 0.9, 0.9)), -box(p, (0, 0.8, 0), (1.2, 1.2, 0.7)))
        teeth = np.maximum(box(p, (0, 1.65, 0), (1.45, 0.14, 0.95)), np.maximum(0.1 - np.abs(np.mod(p[:, 0], 0.4) - 0.2), -box(p, (0, 1.6, 0), (1.2, 1, 0.7))))
        gate = np.minimum(box(p, (0, 0.2, -0.9), (0.26, 0.5, 0.3)), cylinder((p - V(0, 0.7, -0.9))[:, [0, 2, 1]], (0, 0, 0), 0.26, 0.3))
        return np.maximum(np.minimum.reduce(towers + [walls, teeth, box(p, (0, 1.4, 0.3), (0.5, 1.4, 0.45))]), -gate)

    def stone(p, n):
        row = np.floor(p[:, 1] / 0.16)
        u = np.mod(p[:, 0] + p[:, 2] + row * 0.15, 0.3)
        joint = (np.mod(p[:, 1], 0.16) < 0.015) | (u < 0.015)
        c = mix(rgb(0x8E887C), rgb(0xB8B1A2), noise(np.stack([np.floor((p[:, 0] + p[:, 2] + row * 0.15) / 0.3), row, 0 * row], -1) * 1.7))
        return np.where(joint[:, None], rgb(0x5E594F), c)

    roofs = lambda p: np.minimum.reduce([cone(p, (x, 2.75, z), 0.52, 0.01, 0.45) for x in (-1.4, 1.4) for z in (-0.9, 0.9)])
    scene("castle", [(lambda p: (p[:, 1] + 0.1 - 0.9 * np.exp(-(p[:, 0] ** 2 + p[:, 2] ** 2) / 26) + 0.85 + 0.03 * noise(p * 12)) * 0.8, grass, 0, None), (castle, stone, 0, None), (roofs, flat(0x9A3B2C), 0.1, None)], at=(0, 1.2, 0), eye=(2.6, 2.0, -7), zoom=2.0, fog=0.008)
    scene("pyramids", [(lambda p: (p[:, 1] - 0.25 * fbm(p * V(0.4, 0, 0.4))) * 0.8, sand, 0, None), (lambda p: np.minimum.reduce([pyramid(p, (0, 0, 2), 2.0, 2.5), pyramid(p, (4.0, 0, 5.5), 1.8, 2.2), pyramid(p, (-3.6, 0, 6), 1.4, 1.7)]), lambda p, n: mix(rgb(0xB98F55), rgb(0xD9B47A), noise(p * V(7, 0, 7) + np.floor(p * V(0, 9, 0)) * 7.7)), 0, None)], at=(0, 1.0, 2), eye=(1.5, 1.2, -6), zoom=1.9, sun=(0.8, 0.6, -0.4), fog=0.012)

    def alps(p):
        return (p[:, 1] - 4.2 * np.maximum(fbm(p * V(0.22, 0, 0.22) + 7.3, 6) - 0.34, 0) * np.clip((p[:, 2] + 3) / 7, 0, 1.4)) * 0.42

    def snow(p, n):
        high = p[:, 1] + 0.7 * noise(p * 2.2) - 0.95
        return np.where(((high > 0) & (n[:, 1] > 0.42))[:, None], rgb(0xF6F9FD), np.where((p[:, 1] < 0.1)[:, None], rgb(0x4E6B3A), speckled(0x4F4C49, 0x7B766F, 5)(p, n)))

    scene("snowy_mountains", [(alps, snow, 0, None)], at=(0, 1.2, 6), eye=(0, 1.5, -6), zoom=1.7, fog=0.012, sun=(0.8, 0.5, -0.2))
    beach = lambda p: p[:, 1] - 0.12 * (p[:, 2] * -0.5 + 0.6 * np.sin(p[:, 0] * 0.3) + 1.0)
    def palm(p):
        trunk = capsule(p, (1.2, 0, 0.5), (1.55, 1.6, 0.5), 0.11, 0.08)
        return np.minimum(trunk, capsule(p, (1.55, 1.6, 0.5), (1.6, 2.3, 0.5), 0.08, 0.07))
    def fronds(p):
        d = 9.0
        for k in range(9):
            q = turn(p - V(1.6, 2.3, 0.5), k * 40)
            droop = q[:, 1] + 0.42 * (q[:, 0] - 0.35) ** 2 - 0.08
            d = np.minimum(d, np.maximum.reduce([np.abs(droop) - 0.02, np.abs(q[:, 2]) - 0.16 * np.sin(np.clip(q[:, 0] / 1.25, 0, 1) * np.pi), -q[:, 0], q[:, 0] - 1.25]) * 0.6)
        return d
    scene("beach_with_palm", [water, (beach, sand, 0, None), (palm, flat(0x8A6A42), 0, None), (fronds, flat(0x3E7F2E), 0.1, None)], at=(0.4, 1.1, 0), eye=(-0.4, 1.5, -6), zoom=1.9, fog=0.006)

    # space
    def jupiter(p, n):
        lat = p[:, 1] + 0.1 * fbm(p * 5)
        return mix(rgb(0xE3C9A0), rgb(0xB07A4A), np.clip(np.sin(lat * 15) * 0.5 + 0.5, 0, 1))
    ring = lambda p: np.maximum(np.abs(turn(p, 18, 2)[:, 1]) - 0.006, np.abs(length(turn(p, 18, 2)[:, ::2]) - 1.85) - 0.42)
    scene("ringed_planet", [(lambda p: sphere(p, (0, 0, 0), 1.0), jupiter, 0, None), (ring, lambda p, n: mix(rgb(0x8A7658), rgb(0xE6D6B4), noise(np.stack([length(p) * 22, 0 * p[:, 0], 0 * p[:, 0]], -1))), 0, None)], sky=sky_space, at=(0, 0, 0), eye=(0, 1.5, -5.6), zoom=2.2, ambient=0.08, sun=(0.8, 0.5, -0.7))

    def earth(p, n):
        land = fbm(p * 1.9 + 4.2, 6)
        clouds = np.clip((fbm(p * V(2.4, 4, 2.4) + 9, 5) - 0.52) * 5, 0, 1)
        c = np.where((land > 0.5)[:, None], mix(rgb(0x4F7A3A), rgb(0xA98F58), np.clip((land - 0.5) * 6, 0, 1)), rgb(0x123F75))
        c = np.where((np.abs(p[:, 1]) > 0.86)[:, None], rgb(0xF4F7FA), c)
        return mix(c, rgb(0xFFFFFF), clouds)

    scene("earth_from_space", [(lambda p: sphere(p, (0, 0, 0), 1.0), earth, 0.2, None)], sky=sky_space, at=(0, 0, 0), eye=(0, 0.4, -3.6), zoom=2.6, ambient=0.07, sun=(0.7, 0.4, -0.7))
    craters = [(v * 1.0, r) for v, r in zip(fibonacci(60)[np.random.default_rng(4).permutation(60)[:34]], np.random.default_rng(5).uniform(0.06, 0.22, 34))]
    moon = lambda p: sphere(p, (0, 0, 0), 1.0) + sum(0.05 * r / 0.2 * np.exp(-(length(p - V(*c)) / r) ** 4) for c, r in craters)
    scene("moon", [(moon, speckled(0x77767A, 0xB9B7B2, 3, 1.6), 0, ridge_normals(0.25, 14.0))], sky=sky_space, at=(0, 0, 0), eye=(0, 0.2, -3.6), zoom=2.7, ambient=0.03, sun=(0.9, 0.35, -0.5))

    # living things
    def daisy_petals(p):
        q = p - V(0, 1.2, 0)
        a = np.mod(np.arctan2(q[:, 1], q[:, 0]) + np.pi / 16, np.pi / 8) - np.pi / 16
        r = np.hypot(q[:, 0], q[:, 1])
        local = np.stack([r * np.cos(a), r * np.sin(a), q[:, 2] + 0.12 * (r - 0.5) ** 2], -1)
        return ellipsoid(local, (0.62, 0, 0), (0.42, 0.105, 0.045)) * 0.8

    scene("daisy", [(daisy_petals, flat(0xFAFAF7), 0.1, None), (lambda p: ellipsoid(p, (0, 1.2, -0.03), (0.29, 0.29, 0.16)) + 0.02 * noise(p * 40), speckled(0xE8A90C, 0xF8CF35, 14), 0, None), (lambda p: capsule(p, (0, 1.2, 0.08), (0.1, -1.0, 0.2), 0.05), flat(0x4C8030), 0, None), (lambda p: 2.2 - p[:, 2], speckled(0x24471A, 0x5B8C36, 1.6), 0, None)], at=(0, 1.1, 0), eye=(0.3, 1.3, -3.6), zoom=2.3, sun=(0.4, 0.7, -0.8))

    def shell(p, n):
        q = p - V(0, 0.25, 0)
        spots = np.minimum.reduce([length(q - V(*c)) for c in ((0.3, 0.5, -0.55), (-0.35, 0.5, -0.5), (0.65, 0.35, 0.05), (-0.65, 0.35, 0.05), (0.28, 0.68, 0.15), (-0.28, 0.68, 0.15), (0.3, 0.45, 0.7), (-0.3, 0.45, 0.7), (0.62, 0.2, -0.5), (-0.62, 0.2, -0.5))])
        return np.where(((spots < 0.17) | (np.abs(q[:, 0]) < 0.03))[:, None], rgb(0x121212), rgb(0xCC1A16))

    scene("ladybug", [(lambda p: (p[:, 1] - 0.12 * np.sin(p[:, 0] * 1.2) + 0.02 * np.abs(np.sin(p[:, 2] * 4 + p[:, 0] * 3))) * 0.8, speckled(0x3F7F26, 0x6FAE3E, 2), 0.3, None), (lambda p: np.maximum(ellipsoid(p, (0, 0.25, 0), (0.85, 0.75, 1.0)), 0.25 - p[:, 1]), shell, 0.9, None), (lambda p: np.minimum.reduce([ellipsoid(p, (0, 0.4, -0.95), (0.45, 0.34, 0.35))] + [capsule(p, (s * 0.5, 0.25, z), (s * 1.1, 0.1, z * 1.3), 0.05) for s in (-1, 1) for z in (-0.6, 0.05, 0.6)] + [capsule(p, (s * 0.2, 0.6, -1.15), (s * 0.4, 0.85, -1.4), 0.025) for s in (-1, 1)]), flat(0x111112), 0.6, None)], at=(0, 0.4, -0.1), eye=(1.8, 2.0, -3.2), zoom=2.5)

    def fish(p):
        body = ellipsoid(p, (0, 1, 0), (0.85, 0.46, 0.3))
        tail = np.maximum(np.abs(p[:, 2]) - 0.03, np.maximum(np.abs(p[:, 1] - 1) - 0.12 - (p[:, 0] - 0.7) * 0.75, np.maximum(0.65 - p[:, 0], p[:, 0] - 1.35 + 0.2 * np.abs(np.cos((p[:, 1] - 1) * 2))))) * 0.7
        top = np.maximum(np.abs(p[:, 2]) - 0.025, ellipsoid(p, (0.05, 1.4, 0), (0.5, 0.3, 1)))
        return np.minimum(smin(body, tail, 0.08), top)

    def scales(p, n):
        u = np.mod(p[:, 0] * 9 + np.floor(p[:, 1] * 10) * 0.5, 1) - 0.5
        v = np.mod(p[:, 1] * 10, 1) - 0.5
        c = mix(rgb(0xE8590C), rgb(0xFFA02E), np.clip(u * u + v * v + 0.2, 0, 1))
        eye = np.hypot(p[:, 0] + 0.58, p[:, 1] - 1.1)
        return np.where((eye < 0.05)[:, None], rgb(0x0A0A0A), np.where((eye < 0.1)[:, None], rgb(0xF8F3E2), c))

    scene("goldfish", [(fish, scales, 0.6, None), (lambda p: p[:, 1] + 0.4 - 0.1 * fbm(p * 2), sand, 0, None), (lambda p: np.minimum.reduce([capsule(p, (x, -0.4, z), (x + 0.25 * np.sin(x * 5), 1.6 + 0.4 * np.sin(x * 9), z), 0.06, 0.02) for x, z in ((-1.9, 1.5), (-1.6, 1.2), (1.9, 1.6), (2.2, 1.2), (1.5, 2.2))]), flat(0x2F7A3A), 0, None)], sky=studio(0x0E4A66, 0x66B9CF), at=(0.1, 0.85, 0), eye=(0, 1.1, -4.6), zoom=2.4, fog=0.05)
    duck = [(lambda p: smin(ellipsoid(p, (0.1, 0.6, 0), (0.95, 0.58, 0.68)), smin(sphere(p, (-0.5, 1.45, 0), 0.47), ellipsoid(p, (1.0, 0.95, 0), (0.28, 0.2, 0.22)), 0.1), 0.22), flat(0xF9CE13), 0.6, None), (lambda p: ellipsoid(p, (-1.0, 1.4, 0), (0.24, 0.09, 0.2)), flat(0xE8641A), 0.5, None), (lambda p: np.minimum(sphere(p, (-0.8, 1.6, -0.28), 0.075), sphere(p, (-0.8, 1.6, 0.28), 0.075)), flat(0x101010), 0.9, None)]
    scene("rubber_duck", [(lambda p: p[:, 1] - 0.22, sea, 0.8, lambda p, n: n + 0.2 * np.stack([noise(p * 5) - 0.5, 0 * p[:, 0], noise(p * 5 + 19) - 0.5], -1))] + duck, at=(0, 0.85, 0), eye=(-1.0, 1.5, -4.2), zoom=2.4)

    def penguin(p):
        return smin(ellipsoid(p, (0, 0.95, 0), (0.55, 0.85, 0.5)), sphere(p, (0, 1.85, -0.02), 0.34), 0.2)

    def feathers(p, n):
        belly = (p[:, 2] < -0.05) & (np.hypot(p[:, 0] / 0.42, (p[:, 1] - 0.9) / 0.72) < 1)
        face = (p[:, 2] < -0.1) & (np.hypot(np.abs(p[:, 0]) - 0.13, p[:, 1] - 1.84) < 0.13)
        eye = (np.hypot(np.abs(p[:, 0]) - 0.13, p[:, 1] - 1.9) < 0.045) & (p[:, 2] < 0)
        return np.where(eye[:, None], rgb(0x050505), np.where((belly | face)[:, None], rgb(0xF5F5F0), rgb(0x1B2028)))

    ice = (lambda p: (p[:, 1] - 0.12 * fbm(p * 1.5)) * 0.8, speckled(0xDDEBF5, 0xFFFFFF, 2), 0.2, None)
    peng = lambda x, z: [(lambda p: penguin(p - V(x, 0, z)), lambda p, n: feathers(p - V(x, 0, z), n), 0.2, None), (lambda p: np.minimum.reduce([cone((p - V(x, 0, z))[:, [0, 2, 1]] * V(1, -1, 1), (0, 0.4, 1.8), 0.09, 0.01, 0.13), ellipsoid(p - V(x, 0, z), (-0.2, 0.08, -0.3), (0.16, 0.06, 0.25)), ellipsoid(p - V(x, 0, z), (0.2, 0.08, -0.3), (0.16, 0.06, 0.25))]), flat(0xE88A1A), 0.2, None), (lambda p: np.minimum(*[ellipsoid(turn(p - V(x, 0, z), s * 14, 2, (s * 0.55, 1, 0)), (s * 0.58, 1.0, 0), (0.1, 0.5, 0.22)) for s in (-1, 1)]), flat(0x1B2028), 0.2, None)]
    scene("penguins", [ice] + peng(-0.7, 0) + peng(0.8, 0.7), at=(0, 1.0, 0), eye=(0.3, 1.4, -5.4), zoom=2.1)

    # music, school
    def drum_paint(p, n):
        zig = np.abs(np.mod(np.arctan2(p[:, 2], p[:, 0]) * 8 / np.pi, 2) - 1) * 0.7 + 0.35
        return np.where((np.abs(p[:, 1] - zig) < 0.035)[:, None], rgb(0xF2E6C8), rgb(0xA81C24))

    scene("drum", [floor, (lambda p: cylinder(p, (0, 0.7, 0), 0.95, 0.58), drum_paint, 0.5, None), (lambda p: np.minimum(cylinder(p, (0, 1.28, 0), 1.0, 0.07, 0.03), cylinder(p, (0, 0.12, 0), 1.0, 0.07, 0.03)), flat(0xD8B25A), 0.8, None), (lambda p: cylinder(p, (0, 1.33, 0), 0.9, 0.03), flat(0xF3EEE2), 0.1, None), (lambda p: np.minimum.reduce([capsule(p, (-0.9, 1.45, -0.6), (0.5, 1.5, 0.3), 0.035), sphere(p, (0.5, 1.5, 0.3), 0.07), capsule(p, (0.9, 1.45, -0.7), (-0.3, 1.5, 0.3), 0.035), sphere(p, (-0.3, 1.5, 0.3), 0.07)]), flat(0xCFA46A), 0.3, None)], sky=studio(0x4A3B33, 0x7A685A), at=(0, 0.75, 0), eye=(0, 2.3, -4.4), zoom=2.3)
    black = [k for k in range(-12, 13) if k % 7 in (0, 1, 3, 4, 5)]
    scene("piano_keys", [(lambda p: np.minimum.reduce([box(p, (k * 0.3 + 0.15, 0.1, -0.4), (0.143, 0.1, 1.2), 0.02) for k in range(-13, 13)]), flat(0xF7F5EE), 0.5, None), (lambda p: np.minimum.reduce([box(p, (k * 0.3, 0.24, 0.1), (0.085, 0.14, 0.72), 0.03) for k in black]), flat(0x121214), 0.7, None), (lambda p: np.minimum(p[:, 1] + 0.05, box(p, (0, 0.5, 1.3), (6, 0.6, 0.5))), flat(0x17120F), 0.6, None)], sky=studio(0x2E2A28, 0x6A625B), at=(0, 0.1, -0.1), eye=(1.6, 2.2, -3.0), zoom=2.1)

    def pencil(c, angle, colour):
        q = lambda p: turn(p, angle, 1, c) - V(*c)
        return [(lambda p: np.maximum(cylinder(q(p)[:, [1, 0, 2]], (0, 0, 0), 0.1, 1.2), np.abs(q(p)[:, 0]) - 1.2), flat(colour), 0.5, None), (lambda p: cone(q(p)[:, [1, 0, 2]], (0, 1.38, 0), 0.1, 0.02, 0.18), flat(0xE2C08F), 0.1, None), (lambda p: cone(q(p)[:, [1, 0, 2]], (0, 1.58, 0), 0.028, 0.003, 0.05), flat(0x1A1A1A), 0.1, None), (lambda p: cylinder(q(p)[:, [1, 0, 2]], (0, -1.3, 0), 0.1, 0.1, 0.03), flat(0xE58A8A), 0.1, None)]

    scene("pencils", [cloth(0xFBFAF4)] + pencil((0, 0.1, 0), 20, 0xF2B90F) + pencil((0.1, 0.1, 0.6), -12, 0x2866B0) + pencil((-0.1, 0.1, -0.6), 4, 0xC42A2A), sky=studio(0xD9D9D6, 0xFFFFFF), at=(0.1, 0, 0), eye=(0.4, 3.2, -3.0), zoom=2.1)

    def die_paint(c, angle):
        def paint(p, n):
            q = turn(p, angle, 1, c) - V(*c)
            m = turn(n, angle, 1)
            axis = np.abs(m).argmax(1)
            face = axis * 2 + (m[np.arange(len(m)), axis] > 0)
            uv = np.stack([q[np.arange(len(q)), (axis + 1) % 3], q[np.arange(len(q)), (axis + 2) % 3]], -1)
            a = 0.25
            pips = {0: [(-a, -a), (0, 0), (a, a)], 1: [(-a, -a), (a, a), (-a, a), (a, -a)], 2: [(0, 0)], 3: [(-a, -a), (a, a), (-a, a), (a, -a), (0, 0)], 4: [(-a, -a), (a, a)], 5: [(-a, y) for y in (-a, 0, a)] + [(a, y) for y in (-a, 0, a)]}
            dark = np.zeros(len(q), bool)
            for f, dots in pips.items():
                for d in dots:
                    dark |= (face == f) & (length(uv - np.array(d)) < 0.085)
            return np.where(dark[:, None], rgb(0x121214), rgb(0xF6F3EA))
        return paint

    scene("dice", [cloth(0x14603A)] + [(lambda p, c=c, a=a: box(turn(p, a, 1, c), c, (0.48, 0.48, 0.48), 0.1), die_paint(c, a), 0.6, None) for c, a in (((-0.65, 0.48, 0), 25), ((0.75, 0.48, 0.3), -35))], at=(0, 0.45, 0), eye=(0.2, 2.2, -4.0), zoom=2.6)
    scene("umbrella", [lawn, (lambda p: np.maximum(np.abs(ellipsoid(p, (0, 1.5, 0), (1.35, 0.75, 1.35)) + 0.05 * np.abs(np.sin(4 * np.arctan2(p[:, 2], p[:, 0])))) - 0.012, 1.5 - p[:, 1]) * 0.8, lambda p, n: np.where((np.floor((np.arctan2(p[:, 2], p[:, 0]) + np.pi) / (2 * np.pi) * 8) % 2 == 0)[:, None], rgb(0xC8202A), rgb(0xF3EFE6)), 0.2, None), (lambda p: capsule(p, (0, 0.05, 0), (0, 2.35, 0), 0.035), flat(0x3A3A3C), 0.4, None)], at=(0, 1.15, 0), eye=(0.4, 1.2, -5), zoom=2.1)
    return s


if __name__ == "__main__":
    everything = scenes()
    OUT.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or everything:
        everything[name]().save(OUT / f"{name}.jpg", quality=88)
        print(name, flush=True)
