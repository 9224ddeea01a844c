namespace Mcp.EndToEnd.Harness;

/// <summary>The one static file as it is given to people: <c>MCP_BINARY</c>, else <c>out/mcp</c>. These tests never run a JIT build.</summary>
internal static class PublishedBinary
{
    /// <summary>Its absolute path.</summary>
    /// <exception cref="InvalidOperationException">It is not there; the text says how to make it.</exception>
    public static string Path { get; } = Find();

    /// <summary>Runs it; see <see cref="Shell.RunAsync"/>.</summary>
    public static Task<CommandResult> RunAsync(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string?>? environment = null,
        Stream? input = null, TimeSpan? limit = null) => Shell.RunAsync(Path, arguments, environment, input, limit);

    private static string Find()
    {
        var path = Environment.GetEnvironmentVariable("MCP_BINARY") is { Length: > 0 } given
            ? System.IO.Path.GetFullPath(given)
            : Repository.PathOf("out/mcp");
        return File.Exists(path) ? path : throw new InvalidOperationException($"{path} is not there: run packaging/build.sh");
    }
}
