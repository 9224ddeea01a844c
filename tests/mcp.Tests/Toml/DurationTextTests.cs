using Mcp.Toml;

namespace Mcp.Tests.Toml;

internal sealed class DurationTextTests
{
    [Test]
    [Arguments("500ms", 500)]
    [Arguments("2s", 2000)]
    [Arguments("1m30s", 90_000)]
    [Arguments("1.5s", 1500)]
    [Arguments("12h", 43_200_000)]
    [Arguments("7d", 604_800_000)]
    [Arguments("1d2h3m4s5ms", 93_784_005)]
    [Arguments("0s", 0)]
    public async Task Durations_are_read_and_written(string text, long milliseconds)
    {
        await Assert.That(DurationText.TryParse(text, out var duration, out _)).IsTrue();
        await Assert.That((long)duration.TotalMilliseconds).IsEqualTo(milliseconds);
        await Assert.That(DurationText.TryParse(DurationText.Write(duration), out var again, out _)).IsTrue();
        await Assert.That(again).IsEqualTo(duration);
    }

    [Test]
    [Arguments("")]
    [Arguments("5")]
    [Arguments("s")]
    [Arguments("-2s")]
    [Arguments("2 s")]
    [Arguments("1s1m")]
    [Arguments("1s1s")]
    [Arguments("1.s")]
    [Arguments("1..5s")]
    [Arguments("0.0001s")]
    [Arguments("9999999999999d")]
    [Arguments("4000d")]
    [Arguments("1e3s")]
    [Arguments("２s")]
    public async Task Others_are_refused_with_a_reason(string text)
    {
        await Assert.That(DurationText.TryParse(text, out _, out var problem)).IsFalse();
        await Assert.That(problem).IsNotEmpty();
    }
}
