namespace Mcp.EndToEnd.Harness;

/// <summary>A folder of one test's own, removed with everything in it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    /// <summary>Its absolute path: short, since Unix socket paths below it may have at most 107 bytes.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("mcpt-").FullName;

    /// <summary>A path inside it.</summary>
    public string PathOf(string relative) => System.IO.Path.Combine(Path, relative);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
