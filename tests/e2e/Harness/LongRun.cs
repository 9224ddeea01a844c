using System.Globalization;

namespace Mcp.EndToEnd.Harness;

/// <summary>
/// How far the tests go. Ordinarily they take samples and short spans; with <c>MCP_LONG_RUN=1</c> (<c>packaging/test.sh --long</c>) they take every
/// point and the whole span. docs/testing.md says what the long run does and what was seen.
/// </summary>
internal static class LongRun
{
    private static readonly Lock Writing = new();

    /// <summary>Whether this is the long run.</summary>
    public static bool Is { get; } = Environment.GetEnvironmentVariable("MCP_LONG_RUN") is "1";

    /// <summary>Of every choice by chance in this run; given back in <c>MCP_SEED</c>, the same choices are made again.</summary>
    public static int Seed { get; } = int.TryParse(Environment.GetEnvironmentVariable("MCP_SEED"), CultureInfo.InvariantCulture, out var given) ? given : Random.Shared.Next(1, 1_000_000);

    /// <summary>The point at which a sweep of the long run begins, from 1: <c>MCP_FROM</c>, to go on with one that was ended.</summary>
    public static int First { get; } = int.TryParse(Environment.GetEnvironmentVariable("MCP_FROM"), CultureInfo.InvariantCulture, out var from) ? from : 1;

    /// <summary>
    /// A line of a test's report. The runner shows it when the test is over, which in the long run is hours later: there it is also added to
    /// <c>obj/long-run.log</c>, to be read along, and to be there if the run is ended early.
    /// </summary>
    public static void Report(string line)
    {
        line = string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:HH:mm:ss} {line}");
        TestContext.Current?.OutputWriter.WriteLine(line);
        if (!Is)
            return;
        Directory.CreateDirectory(Repository.PathOf("obj"));
        lock (Writing)
            File.AppendAllText(Repository.PathOf("obj/long-run.log"), line + "\n");
    }

    /// <summary>Whether a part of a sweep is wanted: <c>MCP_ONLY</c> holds words of its name; empty: all parts.</summary>
    public static bool Selects(string name) => Environment.GetEnvironmentVariable("MCP_ONLY") is not { Length: > 0 } only || name.Contains(only, StringComparison.Ordinal);
}
