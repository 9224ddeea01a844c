using Mcp.Archive;
using Mcp.Confinement.Work;
using Mcp.Native;

namespace Mcp.Tests.Archive;

/// <summary>A staging folder and a neighbour that nothing may reach.</summary>
internal sealed class ArchiveBench : IDisposable
{
    private readonly TemporaryFolder _folder;

    public ArchiveBench(bool inMemory = false)
    {
        _folder = new(inMemory);
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
        try
        {
            // In this process: thousands of rounds are no matter.
            EraseWork.Do(Target);
            File.SetUnixFileMode(Target, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (PathFault)
        {
            RemoveAll(Target);
            Directory.CreateDirectory(Target, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    public void Dispose() => RemoveAll(_folder.Path);

    /// <summary>Removes something beside the staging folder.</summary>
    public void Remove(string name) => RemoveAll(_folder[name]);

    private static void RemoveAll(string path)
    {
        try
        {
            Directory.Delete(path, recursive: true);
            return;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // .NET cannot remove a name that is no UTF-8, nor what is in a folder without modes; rm can, once they are given back.
        }
        using var opening = System.Diagnostics.Process.Start("chmod", ["-R", "u+rwx", path]);
        opening.WaitForExit();
        using var removing = System.Diagnostics.Process.Start("rm", ["-rf", path]);
        removing.WaitForExit();
    }

    private static FileChoice AsItIs(ReadOnlySpan<byte> name, Microsoft.Win32.SafeHandles.SafeFileHandle file, in FileStatus status) => FileChoice.AsItIs;
}
