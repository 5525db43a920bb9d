/*
 * codec_check.h: what proximadb.codec_check() runs besides its own checks. True if all is well; errors are failures too.
 */
#ifndef PXD_CODEC_CHECK_H
#define PXD_CODEC_CHECK_H

extern bool pxd_check_schemas(void);
extern bool pxd_check_records(void);
extern bool pxd_check_container(void);
extern bool pxd_check_deflated_container(void);

#endif
