using Mcp.Errors;

namespace Mcp.Files;

/// <summary>Reads files that hold secrets; a mode or owner that lets others at them is refused with the command that mends it.</summary>
internal static class SecretFile
{
    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute |
        UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>The bytes of <paramref name="path"/>, which must be a regular file of mode 0600 or stricter, at most 1 MiB, and not a link.</summary>
    /// <exception cref="McpException">It is missing, too wide, too large, or a link.</exception>
    public static byte[] Read(string path)
    {
        Check(path);
        return File.ReadAllBytes(path);
    }

    /// <summary>Refuses <paramref name="path"/> unless it is a regular file that only its owner can read.</summary>
    /// <exception cref="McpException">It is missing, too wide, too large, or a link.</exception>
    public static void Check(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists)
            throw new McpException(FaultCode.NotFound, $"the secret file {path} does not exist");
        if (file.LinkTarget is not null)
            throw new McpException(FaultCode.FailedPrecondition, $"the secret file {path} is a symbolic link") { Hint = $"replace it by the file itself, mode 0600" };
        if ((file.UnixFileMode & Others) != 0)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the secret file {path} has mode 0{Octal(file.UnixFileMode)}; others could read it")
            {
                Hint = $"chmod 0600 {path}",
            };
        }
        if (file.Length > 1024 * 1024)
            throw new McpException(FaultCode.FailedPrecondition, $"the secret file {path} has {file.Length} bytes; at most 1 MiB is read");
    }

    /// <summary>Creates <paramref name="folder"/> with mode 0700, or refuses one that others can enter.</summary>
    /// <exception cref="McpException">The folder is open to others, or is a link.</exception>
    public static void EnsureFolder(string folder)
    {
        var info = Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        if (info.LinkTarget is not null)
            throw new McpException(FaultCode.FailedPrecondition, $"the folder {folder} of secrets is a symbolic link") { Hint = "replace it by a folder, mode 0700" };
        if ((info.UnixFileMode & Others) != 0)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the folder {folder} of secrets has mode 0{Octal(info.UnixFileMode)}; others could enter it")
            {
                Hint = $"chmod 0700 {folder}",
            };
        }
    }

    private static string Octal(UnixFileMode mode) => Convert.ToString((int)mode, 8);
}
