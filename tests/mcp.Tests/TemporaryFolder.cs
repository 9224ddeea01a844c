namespace Mcp.Tests;

/// <summary>A folder of one test (mode 0700), gone when the test is.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder()
        : this(inMemory: false)
    {
    }

    /// <param name="inMemory">On a file system in memory, if there is one: for thousands of rounds that each make files durable.</param>
    public TemporaryFolder(bool inMemory)
    {
        Path = inMemory && Directory.Exists("/dev/shm") ? $"/dev/shm/mcp-test-{Guid.NewGuid():N}" : Directory.CreateTempSubdirectory("mcp-test-").FullName;
        Directory.CreateDirectory(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    public string Path { get; }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        if (Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
    }
}
