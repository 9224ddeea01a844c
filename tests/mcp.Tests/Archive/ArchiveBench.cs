using Mcp.Archive;
using Mcp.Native;

namespace Mcp.Tests.Archive;

/// <summary>A staging folder and a neighbour that nothing may reach.</summary>
internal sealed class ArchiveBench : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public ArchiveBench()
    {
        Directory.CreateDirectory(Target, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.WriteAllText(_folder["neighbour"], "untouched");
    }

    public string Target => _folder["staging"];

    public string PathOf(string name) => _folder[name];

    /// <summary>Numeric owners need root.</summary>
    public static bool IsRoot => Environment.IsPrivilegedProcess;

    public TreeImport Import(Stream tar, ArchiveLimits? limits = null)
    {
        using var folder = Folder.Open(Target);
        var import = new TreeImport(folder, IsRoot);
        import.Run(new ArchiveReader(tar, limits ?? new ArchiveLimits { Bytes = 1L << 30 }), CancellationToken.None);
        return import;
    }

    /// <summary>Archives a tree, uncompressed.</summary>
    public static (byte[] Tar, ExportReport Report) Export(string path, IEnumerable<string>? excludes = null, ChooseFile? choose = null)
    {
        using var folder = Folder.Open(path);
        using var tar = new MemoryStream();
        var report = new TreeExport(new ArchiveWriter(tar), new ExcludePatterns(excludes ?? []), choose ?? AsItIs).Run(folder, CancellationToken.None);
        return (tar.ToArray(), report);
    }

    /// <summary>What lies beside the staging folder: only the neighbour, as it was.</summary>
    public bool OutsideIsUntouched =>
        File.ReadAllText(PathOf("neighbour")) == "untouched" && new DirectoryInfo(_folder.Path).GetFileSystemInfos().Length == 2
        && !Path.Exists("/tmp/mcp-nobody-has-this");

    /// <summary>Empties the staging folder.</summary>
    public void Renew()
    {
        Remove(Target);
        Directory.CreateDirectory(Target, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    public void Dispose() => Remove(_folder.Path);

    private static void Remove(string path)
    {
        try
        {
            Directory.Delete(path, recursive: true);
            return;
        }
        catch (IOException)
        {
            // .NET cannot remove a name that is no UTF-8; rm can.
        }
        using var process = System.Diagnostics.Process.Start("rm", ["-rf", path]);
        process.WaitForExit();
    }

    private static FileChoice AsItIs(ReadOnlySpan<byte> name, Microsoft.Win32.SafeHandles.SafeFileHandle file, in FileStatus status) => FileChoice.AsItIs;
}
