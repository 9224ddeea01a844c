using System.Runtime.InteropServices;
using Mcp.Errors;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Files;

/// <summary>
/// Writes a small file so that a kill or a power cut at any line leaves either the old content or the new one, never half:
/// 1 a temporary file in the same folder, created exclusively with the final mode; 2 its bytes; 3 fsync of the file; 4 rename over the
/// target; 5 fsync of the folder, without which the rename itself may be lost (rename(2) promises atomicity, not durability).
/// </summary>
internal static partial class DurableFile
{
    /// <summary>Owner may read and write, nobody else: secrets.</summary>
    public const UnixFileMode Secret = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Everybody may read: certificates, configuration without secrets.</summary>
    public const UnixFileMode Public = Secret | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Replaces or creates <paramref name="path"/> with <paramref name="content"/>.</summary>
    /// <exception cref="McpException">The file system refused; the old file is untouched.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content, UnixFileMode mode)
    {
        path = Path.GetFullPath(path);
        var folder = Path.GetDirectoryName(path)!;
        // A name of our own in the target's folder, opened with CreateNew: a file or link that somebody planted is never written through.
        var temporary = Path.Combine(folder, TemporaryName.New(Path.GetFileName(path)));
        RemoveLeftovers(folder, Path.GetFileName(path));
        try
        {
            using (var stream = new FileStream(temporary, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = mode,
            }))
            {
                // The umask may have taken bits away.
                File.SetUnixFileMode(stream.SafeFileHandle, mode);
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
            SyncFolder(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw new McpException(FaultCode.ResourceExhausted, $"{path} could not be written", e)
            {
                Cause = e.Message,
                Hint = $"check the free space, the owner and the mode of {folder} (df -h {folder}; ls -ld {folder})",
            };
        }
    }

    /// <summary>Makes the names in <paramref name="folder"/> durable.</summary>
    public static void SyncFolder(string folder)
    {
        using var handle = OpenFolder(folder);
        if (Fsync(handle) != 0)
            throw new IOException($"fsync of {folder}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    private static SafeFileHandle OpenFolder(string folder)
    {
        // O_RDONLY | O_DIRECTORY | O_CLOEXEC (open(2), x86-64 and arm64 differ in O_DIRECTORY).
        var directory = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x4000 : 0x10000;
        var descriptor = Open(folder, directory | 0x80000);
        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw new IOException($"open of {folder}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    // What a killed process left of an earlier try; it may hold a secret.
    private static void RemoveLeftovers(string folder, string name)
    {
        foreach (var file in Directory.Exists(folder) ? Directory.GetFiles(folder, TemporaryName.Pattern(name)) : [])
        {
            if (TemporaryName.IsLeftover(Path.GetFileName(file), name))
                TryDelete(file);
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The write error that brought us here is the one to report; a stray temporary file is harmless.
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(SafeFileHandle handle);
}
